import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import { AccessKey } from '../../src/service/access.ts';
import { PAGE_PATHS } from '../../src/service/pages.ts';
import { createService, type ServiceOptions } from '../../src/service/service.ts';
import { Conditions } from '../../src/simulator/conditions.ts';
import { createFakeClock } from './fake-clock.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface DocumentCheck {
  readonly document: OpenApiDocument;
  readonly validate: (schema: object) => ValidateFunction;
}

/** Compiling the schemas takes a while, and the document is the same in all tests. */
let check: Promise<DocumentCheck> | undefined;

/**
 * Fails the test when the OpenAPI document of `serve` does not describe this reply to this call. A call that is not in the
 * document must be refused, in one of its two error forms. Reads a copy of the body.
 */
export async function expectPromised(method: string, url: string, reply: Response): Promise<void> {
  check ??= readDocument().then(createDocumentCheck);
  const { document, validate } = await check;
  const pathname = new URL(url, 'http://localhost').pathname.replace(/^\/openai(?=\/v1\/)/, '');
  const what = `${method} ${pathname} ${reply.status}`;
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const path = pathOf(document, pathname);
  const operation = document.paths[path]?.[verb];
  const type = (reply.headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (operation === undefined) {
    if (reply.ok && [...PAGE_PATHS, '/openapi.json'].includes(pathname)) return; // not an API
    expect([401, 403, 404, 405], what).toContain(reply.status);
    if (method !== 'HEAD') await expectValid(what, reply, validate({ anyOf: [REST_ERROR, API_ERROR] }));
    return;
  }
  const status = String(reply.status) in operation.responses ? String(reply.status) : 'default';
  expect(Object.keys(operation.responses[status]?.content ?? {}), what).toContain(type);
  if (type !== 'application/json' || method === 'HEAD') return;
  const pointer = ['paths', path, verb, 'responses', status, 'content', type, 'schema'];
  await expectValid(what, reply, validate({ $ref: `document#/${pointer.map(escapePointer).join('/')}` }));
}

const REST_ERROR = { $ref: 'document#/components/schemas/RestError' };
const API_ERROR = { $ref: 'document#/components/schemas/ApiError' };

async function expectValid(what: string, reply: Response, validate: ValidateFunction): Promise<void> {
  const body: unknown = await reply.clone().json();
  expect(validate(body) ? [] : validate.errors, `${what} ${JSON.stringify(body)}`).toEqual([]);
}

/** The document of a service used for nothing else. */
async function readDocument(): Promise<OpenApiDocument> {
  const { answer } = createService({
    access: new AccessKey(null),
    conditions: new Conditions(() => 0),
    upstream: { clock: createFakeClock(), server: {}, budget: { options: {} } },
    desk: { onEvent: () => {} },
    version: '1.2.3',
  } as unknown as ServiceOptions);
  const url = new URL('http://localhost/openapi.json');
  const { body } = await answer({ method: 'GET', url, headers: {}, body: Buffer.of() });
  return JSON.parse(String(body));
}

/** The schemas of OpenAPI 3.1 are plain JSON Schema 2020-12. */
function createDocumentCheck(document: OpenApiDocument): DocumentCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  const validators = new Map<string, ValidateFunction>();
  const validate = (schema: object): ValidateFunction => {
    const key = JSON.stringify(schema);
    const validator = validators.get(key) ?? ajv.compile(schema);
    validators.set(key, validator);
    return validator;
  };
  return { document, validate };
}

/** The path in the document that matches a URL; one without parameters is preferred. */
function pathOf({ paths }: OpenApiDocument, pathname: string): string {
  if (pathname in paths) return pathname;
  return Object.keys(paths).find((path) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname)) ?? '';
}

function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}
