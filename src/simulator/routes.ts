import { ApiError } from './api-error.ts';

export type VideoRouteName =
  | 'create'
  | 'list'
  | 'retrieve'
  | 'remove'
  | 'content'
  | 'remix'
  | 'edit'
  | 'extend'
  | 'createCharacter'
  | 'character'
  | 'models'
  | 'model';

export const BATCH_ROUTES = [
  'uploadFile',
  'listFiles',
  'file',
  'removeFile',
  'fileContent',
  'createBatch',
  'listBatches',
  'batch',
  'cancelBatch',
] as const;

export type BatchRouteName = (typeof BATCH_ROUTES)[number];

export type RouteName = VideoRouteName | BatchRouteName;

export interface RouteMatch {
  readonly name: RouteName;
  readonly dialect: RouteDialect;
  /** The id in the path; empty on a route without one. */
  readonly id: string;
}

export type RouteDialect = 'videos' | 'generations';

interface Route {
  readonly name: RouteName;
  /** `videos` when left out. */
  readonly dialect?: RouteDialect;
  readonly method: string;
  readonly path: RegExp;
}

const BASE = '/(?:openai/)?v1';

const ROUTES: readonly Route[] = [
  { name: 'create', method: 'POST', path: new RegExp(`^${BASE}/videos$`) },
  { name: 'list', method: 'GET', path: new RegExp(`^${BASE}/videos$`) },
  { name: 'retrieve', method: 'GET', path: new RegExp(`^${BASE}/videos/([^/]+)$`) },
  { name: 'remove', method: 'DELETE', path: new RegExp(`^${BASE}/videos/([^/]+)$`) },
  { name: 'content', method: 'GET', path: new RegExp(`^${BASE}/videos/([^/]+)/content$`) },
  { name: 'remix', method: 'POST', path: new RegExp(`^${BASE}/videos/([^/]+)/remix$`) },
  { name: 'edit', method: 'POST', path: new RegExp(`^${BASE}/videos/edits$`) },
  { name: 'extend', method: 'POST', path: new RegExp(`^${BASE}/videos/extensions$`) },
  { name: 'createCharacter', method: 'POST', path: new RegExp(`^${BASE}/videos/characters$`) },
  { name: 'character', method: 'GET', path: new RegExp(`^${BASE}/videos/characters/([^/]+)$`) },
  { name: 'create', dialect: 'generations', method: 'POST', path: new RegExp(`^${BASE}/video/generations$`) },
  { name: 'retrieve', dialect: 'generations', method: 'GET', path: new RegExp(`^${BASE}/video/generations/([^/]+)$`) },
  { name: 'remove', dialect: 'generations', method: 'DELETE', path: new RegExp(`^${BASE}/video/generations/([^/]+)$`) },
  { name: 'uploadFile', method: 'POST', path: new RegExp(`^${BASE}/files$`) },
  { name: 'listFiles', method: 'GET', path: new RegExp(`^${BASE}/files$`) },
  { name: 'file', method: 'GET', path: new RegExp(`^${BASE}/files/([^/]+)$`) },
  { name: 'removeFile', method: 'DELETE', path: new RegExp(`^${BASE}/files/([^/]+)$`) },
  { name: 'fileContent', method: 'GET', path: new RegExp(`^${BASE}/files/([^/]+)/content$`) },
  { name: 'createBatch', method: 'POST', path: new RegExp(`^${BASE}/batches$`) },
  { name: 'listBatches', method: 'GET', path: new RegExp(`^${BASE}/batches$`) },
  { name: 'batch', method: 'GET', path: new RegExp(`^${BASE}/batches/([^/]+)$`) },
  { name: 'cancelBatch', method: 'POST', path: new RegExp(`^${BASE}/batches/([^/]+)/cancel$`) },
  { name: 'models', method: 'GET', path: new RegExp(`^${BASE}/models$`) },
  { name: 'model', method: 'GET', path: new RegExp(`^${BASE}/models/([^/]+)$`) },
];

/**
 * The route for a call; HEAD is routed like GET. Throws the API's 404 for an unknown path and 405 for a method that the path
 * does not support.
 */
export function matchRoute(method: string, pathname: string): RouteMatch {
  const candidates = ROUTES.filter(({ path }) => path.test(pathname));
  if (candidates.length === 0) throw invalidUrl(method, pathname);
  const route = candidates.find((candidate) => candidate.method === (method === 'HEAD' ? 'GET' : method));
  if (route === undefined) {
    throw methodNotAllowed(
      method,
      pathname,
      candidates.map((candidate) => candidate.method),
    );
  }
  const { name, dialect = 'videos', path } = route;
  return { name, dialect, id: decodeId(path.exec(pathname)?.[1] ?? '') };
}

export function isBatchRoute(name: RouteName): name is BatchRouteName {
  return BATCH_ROUTES.some((route) => route === name);
}

export function methodNotAllowed(method: string, pathname: string, allowed: readonly string[]): ApiError {
  const message = `Not allowed to ${method} on ${pathname}`;
  return new ApiError({ status: 405, message, headers: { allow: allowed.join(', ') } });
}

function invalidUrl(method: string, pathname: string): ApiError {
  return new ApiError({ status: 404, message: `Invalid URL (${method} ${pathname})` });
}

/** A malformed percent encoding is kept as it is; no job has such an id. */
function decodeId(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
