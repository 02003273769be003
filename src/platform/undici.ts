// The parts of undici that a proxied call needs. Its index also loads fetch, WebSocket, caches and mocks, two fifths of
// the bundled code. These files have no type declarations, so the types come from the index.
import type { Pool as PoolOf, ProxyAgent as ProxyAgentOf } from 'undici';
// @ts-expect-error no types
import * as calls from 'undici/lib/api/index.js';
// @ts-expect-error no types
import dispatcher from 'undici/lib/dispatcher/dispatcher.js';
// @ts-expect-error no types
import pool from 'undici/lib/dispatcher/pool.js';
// @ts-expect-error no types
import proxyAgent from 'undici/lib/dispatcher/proxy-agent.js';

Object.assign(dispatcher.prototype, calls); // as undici's index does

export const Pool: typeof PoolOf = pool;
export const ProxyAgent: typeof ProxyAgentOf = proxyAgent;
