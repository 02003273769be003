import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { SoraError } from '../domain/errors.ts';
import {
  type Handler,
  HttpError,
  replyOf,
  requestOf,
  responseOf,
  type ServerCall,
  type ServerReply,
} from '../http-server/handler.ts';
import { readJson } from '../http-server/json-body.ts';
import { type ApiErrorDetails, errorReply } from '../simulator/api-error.ts';
import type { Conditions } from '../simulator/conditions.ts';
import type { Simulator } from '../simulator/simulator.ts';
import { type AccessKey, DEMO_KEY, foreignHost, isCrossOrigin } from './access.ts';
import { addCharacterRoutes, CHARACTERS_PATH } from './character-routes.ts';
import { addControlRoutes, CONTROL_PATH } from './control-routes.ts';
import { PAGE_PATHS, pageReply } from './pages.ts';
import { errorBody, errorResponse, refusalReply } from './rest-error.ts';
import { addRestRoutes, QUOTE_PATH, REST_PATH, type RestDeps } from './rest-routes.ts';
import { Health, json, NotReady, Ready, RestError } from './rest-schemas.ts';
import { ServiceMetrics } from './service-metrics.ts';
import { addVideosDocument } from './videos-document.ts';
import { type Vitals, vitalsReply } from './vitals.ts';

export interface ServiceOptions extends RestDeps {
  readonly version: string;
  readonly simulator: Simulator;
  readonly conditions: Conditions;
  /** The folder of the pages. */
  readonly webDir: string;
  /** Whether it listens on the loopback only. Requests with a foreign host name are then refused. */
  readonly isLocal: boolean;
}

const WRONG_KEY: ApiErrorDetails = { status: 401, code: 'invalid_api_key', message: 'Incorrect API key provided.' };
const JSON_TYPE = /^application\/json\b/i;
const VIDEOS_API = /^\/(?:openai\/)?v1\//;
/** Enough for an order with the largest image. */
const MAX_REST_BODY_BYTES = 12 << 20;
/** Always needs the key: it costs money, or shows what was paid for. */
const GUARDED = [REST_PATH, QUOTE_PATH, CHARACTERS_PATH, CONTROL_PATH];

/** All of `sora serve` as a handler: the simulator's API, the REST service, its document and the pages. */
export function createService(options: ServiceOptions): Handler {
  const { simulator, access, isLocal } = options;
  const { clock } = options.upstream;
  const metrics = createMetrics(options);
  const { app, paths } = createApp(options, metrics);
  const routeOf = createRouteNames([...paths, ...PAGE_PATHS, '/openapi.json']);
  options.desk.onEvent?.((event) => metrics.job(event));
  return {
    refuse: errorReply,
    async answer(call) {
      const startMs = clock.uptimeMs();
      const reply = await answerCall(call);
      metrics.request(call.method, routeOf(call.url.pathname), reply.status, clock.uptimeMs() - startMs);
      return reply;
    },
  };

  async function answerCall(call: ServerCall): Promise<ServerReply> {
    const { url, headers } = call;
    const isVideosApi = VIDEOS_API.test(url.pathname);
    const refuse = (status: number, code: string, message: string): ServerReply =>
      isVideosApi ? errorReply({ status, code, message }) : refusalReply(status, code, message);
    const foreign = isLocal ? foreignHost(url) : null;
    if (foreign !== null) return refuse(403, 'permission_denied', foreign);
    if (isCrossOrigin(call)) return refuse(403, 'permission_denied', 'this page belongs to another origin');
    if (!isVideosApi) {
      const fault = faultInBody(call);
      return fault === null ? replyOf(await app.fetch(requestOf(call))) : refuse(...fault);
    }
    // With the demo key, the simulator accepts any key or none.
    return access.isDemo || access.opens(headers) ? simulator.answer(call) : errorReply(WRONG_KEY);
  }
}

function createMetrics({ version, upstream, desk }: ServiceOptions): ServiceMetrics {
  const { server, ledger, clock, budget, maxCostPerDayMicros } = upstream;
  const { maxCostMicros: run, maxOrderMicros: order } = budget.options;
  return new ServiceMetrics({
    version,
    profile: server.profile,
    ledger,
    clock,
    jobs: desk,
    caps: { run, order, day: maxCostPerDayMicros },
  });
}

/** Checks a body before Hono parses it without limits. */
function faultInBody({ body, headers }: ServerCall): [status: number, code: string, message: string] | null {
  if (body.length > MAX_REST_BODY_BYTES)
    return [413, 'invalid_request', `the body exceeds ${MAX_REST_BODY_BYTES} bytes`];
  if (body.length === 0 || !JSON_TYPE.test(headers['content-type'] ?? '')) return null;
  try {
    readJson(body);
    return null;
  } catch (error) {
    if (error instanceof HttpError) return [400, 'invalid_request', error.message];
    throw error;
  }
}

/** Labels an address by its route, so that no id becomes a label; `other` for an undocumented one. */
function createRouteNames(paths: readonly string[]): (pathname: string) => string {
  const patterns = paths.map((path) => ({
    path,
    pattern: new RegExp(`^(/openai)?${path.replace(/\{\w+\}/g, '[^/]+')}/?$`),
  }));
  return (pathname) =>
    paths.find((path) => path === pathname) ?? patterns.find(({ pattern }) => pattern.test(pathname))?.path ?? 'other';
}

/** The routes of the service and its pages, and the paths of its document. */
function createApp(
  options: ServiceOptions,
  metrics: ServiceMetrics,
): { readonly app: OpenAPIHono; readonly paths: readonly string[] } {
  const { version, access, webDir, isLocal } = options;
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success)
        throw new SoraError('invalid_request', { violations: violationsOf(result.error), hints: [] });
    },
  });
  app.onError((thrown) => {
    const error = asSoraError(thrown);
    metrics.error(error.code);
    return errorResponse(error, options.clean);
  });
  // A guard must see the path as the routes do, with its percent encoding decoded.
  for (const path of GUARDED) app.use(`${path}/*`, requireKey(access));
  if (!isLocal) app.use('/metrics', requireKey(access));
  const requireJson: MiddlewareHandler = (c, next) => {
    const type = c.req.header('content-type') ?? 'no content type';
    if (JSON_TYPE.test(type)) return next();
    return Promise.resolve(
      c.json(errorBody('invalid_request', `the body must be application/json, not \`${type}\``), 415),
    );
  };
  app.post(REST_PATH, requireJson);
  app.post(CHARACTERS_PATH, requireJson);
  app.patch(CONTROL_PATH, requireJson);

  addVitalsRoutes(app, metrics);
  addRestRoutes(app, options);
  addCharacterRoutes(app, options);
  addControlRoutes(app, options.conditions);
  addVideosDocument(app);
  addSecuritySchemes(app);
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'sora serve',
      version,
      description: 'A simulator of the Videos API, and a REST service that creates videos in the background.',
    },
    tags: ['REST service', 'Videos API', 'Simulator control', 'Service'].map((name) => ({ name })),
  });
  app.get('/openapi.json', (c) => c.json(document));
  for (const path of PAGE_PATHS) {
    app.get(path, (c) => pageReply(path, c.req.raw, webDir, access.isDemo ? DEMO_KEY : ''));
  }
  refuseOtherMethods(app);
  app.notFound((c) => c.json(errorBody('endpoint_not_found', `no such path: \`${c.req.path}\``), 404));
  return { app, paths: Object.keys(document.paths ?? {}) };
}

function addVitalsRoutes(app: OpenAPIHono, vitals: Vitals): void {
  const add = (path: string, operationId: string, summary: string, responses: RouteConfig['responses']): void => {
    const security = path === '/metrics' ? { security: [{ apiKey: [] }, {}] } : {};
    app.openAPIRegistry.registerPath({
      method: 'get',
      tags: ['Service'],
      path,
      operationId,
      summary,
      responses,
      ...security,
    });
    app.get(path, async (c) => {
      const reply = await vitalsReply(path, vitals);
      return reply === null ? c.notFound() : responseOf(reply);
    });
  };
  add('/healthz', 'readHealth', 'Check that the service is up', {
    200: { description: 'The process is alive', content: json(Health) },
  });
  add('/readyz', 'readReadiness', 'Check that orders can be paid for and recorded', {
    200: { description: 'Orders can be paid for and recorded', content: json(Ready) },
    503: { description: 'They cannot; the reason is in the body', content: json(NotReady) },
  });
  add('/metrics', 'readMetrics', 'Read the metrics, in the text format of Prometheus', {
    200: { description: 'The metrics', content: { 'text/plain': { schema: z.string() } } },
    401: { description: 'Missing or wrong key', content: json(RestError) },
  });
}

/** Requires the key, or the token for exactly this address. */
function requireKey(access: AccessKey): MiddlewareHandler {
  return (c, next) => {
    if (access.opens(c.req.header()) || access.opensByToken(new URL(c.req.url))) return next();
    const hints = ['send the key in the header `x-api-key`'];
    return Promise.resolve(c.json(errorBody('invalid_api_key', 'missing or wrong key', { hints }), 401));
  };
}

/** Documents the ways to send the key. */
function addSecuritySchemes({ openAPIRegistry }: OpenAPIHono): void {
  openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'apiKey', in: 'header', name: 'x-api-key' });
  openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'Any key, unless the server was started with its own.',
  });
  openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'Part of `videoUrl`.',
  });
}

/** Answers 405 with the allowed methods on paths that exist. */
function refuseOtherMethods(app: OpenAPIHono): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method !== 'ALL') methods.set(path, (methods.get(path) ?? new Set()).add(method));
  }
  for (const [path, allowed] of methods) {
    app.all(path, (c) => {
      const message = `\`${c.req.path}\` does not support ${c.req.method}`;
      return c.json(errorBody('not_supported', message), 405, { allow: [...allowed].join(', ') });
    });
  }
}

/** Messages quote unknown names, of which there may be very many. */
const MAX_VIOLATION_CHARACTERS = 300;
const MAX_VIOLATIONS = 20;

function violationsOf({ issues }: z.core.$ZodError): string[] {
  return issues.slice(0, MAX_VIOLATIONS).map(({ path, message }) => {
    const words = message.charAt(0).toLowerCase() + message.slice(1, MAX_VIOLATION_CHARACTERS);
    return path.length === 0 ? words : `\`${path.join('.')}\`: ${words}`;
  });
}

function asSoraError(error: Error): SoraError {
  if (error instanceof SoraError) return error;
  const isRefusal = 'status' in error && Number(error.status) < 500; // an HTTPException of hono
  if (isRefusal) {
    return new SoraError('invalid_request', { title: 'the body is not valid JSON', hints: [] });
  }
  return new SoraError('unexpected', { causedBy: error.message });
}
