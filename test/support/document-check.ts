import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface DocumentCheck {
  /** Fails the test when the document does not promise such a reply to such a call. Reads no body but a copy. */
  expectPromised(method: string, url: string, reply: Response): Promise<void>;
}

/** Holds replies against an OpenAPI 3.1 document, whose schemas are plain JSON Schema 2020-12. */
export function createDocumentCheck(document: OpenApiDocument): DocumentCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  const validators = new Map<string, ValidateFunction>();
  return {
    async expectPromised(method, url, reply) {
      const { pathname } = new URL(url, 'http://localhost');
      const path = pathOf(document, pathname);
      const operation = document.paths[path]?.[method.toLowerCase()];
      expect(operation, `${method} ${pathname} is in the document`).toBeDefined();
      const { responses = {} } = operation ?? {};
      const status = String(reply.status) in responses ? String(reply.status) : 'default';
      const { content = {} } = responses[status] ?? {};
      const type = (reply.headers.get('content-type') ?? '').split(';')[0] ?? '';
      expect(Object.keys(content), `${method} ${pathname} ${reply.status}`).toContain(type);
      if (type !== 'application/json') return;
      const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema'];
      const reference = `document#/${pointer.map(escapePointer).join('/')}`;
      const validate = validators.get(reference) ?? ajv.compile({ $ref: reference });
      validators.set(reference, validate);
      const body: unknown = await reply.clone().json();
      expect(validate(body) ? [] : validate.errors, `${method} ${pathname} ${JSON.stringify(body)}`).toEqual([]);
    },
  };
}

/** The path of the document that an address belongs to; one without parameters goes first. */
function pathOf({ paths }: OpenApiDocument, pathname: string): string {
  if (pathname in paths) return pathname;
  return Object.keys(paths).find((path) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname)) ?? '';
}

function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}
