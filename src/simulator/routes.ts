import { decodePercent } from '../domain/redact.ts';
import { ApiError } from './api-error.ts';

/** Name, method and path. A name stands twice where both dialects have the call. */
const VIDEO_ROUTES = [
  ['create', 'POST', '/videos'],
  ['list', 'GET', '/videos'],
  ['retrieve', 'GET', '/videos/:id'],
  ['remove', 'DELETE', '/videos/:id'],
  ['content', 'GET', '/videos/:id/content'],
  ['remix', 'POST', '/videos/:id/remix'],
  ['edit', 'POST', '/videos/edits'],
  ['extend', 'POST', '/videos/extensions'],
  ['createCharacter', 'POST', '/videos/characters'],
  ['character', 'GET', '/videos/characters/:id'],
  ['create', 'POST', '/video/generations'],
  ['retrieve', 'GET', '/video/generations/:id'],
  ['remove', 'DELETE', '/video/generations/:id'],
  ['models', 'GET', '/models'],
  ['model', 'GET', '/models/:id'],
] as const;

const BATCH_ROUTES = [
  ['uploadFile', 'POST', '/files'],
  ['listFiles', 'GET', '/files'],
  ['file', 'GET', '/files/:id'],
  ['removeFile', 'DELETE', '/files/:id'],
  ['fileContent', 'GET', '/files/:id/content'],
  ['createBatch', 'POST', '/batches'],
  ['listBatches', 'GET', '/batches'],
  ['batch', 'GET', '/batches/:id'],
  ['cancelBatch', 'POST', '/batches/:id/cancel'],
] as const;

export type VideoRouteName = (typeof VIDEO_ROUTES)[number][0];
export type BatchRouteName = (typeof BATCH_ROUTES)[number][0];
export type RouteName = VideoRouteName | BatchRouteName;

export interface RouteMatch {
  readonly name: RouteName;
  /** The id in the path; empty on a route without one. */
  readonly id: string;
}

const ROUTES = [...VIDEO_ROUTES, ...BATCH_ROUTES].map(([name, method, path]) => ({
  name,
  method,
  pattern: new RegExp(`^/(?:openai/)?v1${path.replace(':id', '([^/]+)')}$`),
}));

export const ROUTE_NAMES: readonly RouteName[] = ROUTES.map(({ name }) => name);

/**
 * The route for a call; HEAD is routed like GET. Throws the API's 404 for an unknown path and 405 for a method that the path
 * does not support.
 */
export function matchRoute(method: string, pathname: string): RouteMatch {
  const candidates = ROUTES.filter(({ pattern }) => pattern.test(pathname));
  if (candidates.length === 0) {
    throw new ApiError({ status: 404, message: `Invalid URL (${method} ${pathname})` });
  }
  const route = candidates.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method));
  if (route === undefined) {
    const allowed = candidates.map((candidate) => candidate.method);
    throw methodNotAllowed(method, pathname, allowed);
  }
  return { name: route.name, id: decodePercent(route.pattern.exec(pathname)?.[1] ?? '') };
}

export function isBatchRoute(name: RouteName): name is BatchRouteName {
  return BATCH_ROUTES.some(([route]) => route === name);
}

export function methodNotAllowed(method: string, pathname: string, allowed: readonly string[]): ApiError {
  const message = `Not allowed to ${method} on ${pathname}`;
  return new ApiError({ status: 405, message, headers: { allow: allowed.join(', ') } });
}
