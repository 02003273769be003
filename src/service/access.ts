import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isLoopback } from '../domain/own-network.ts';
import type { ServerCall } from '../http-server/handler.ts';

/** The default key. It is public, so it is accepted on the loopback only. */
export const DEMO_KEY = 'test-api-key';

/** The key of the service. It is compared in constant time, and signs addresses. */
export class AccessKey {
  readonly isDemo: boolean;
  readonly #key: string;

  /** Null selects the demo key. */
  constructor(key: string | null) {
    this.isDemo = key === null;
    this.#key = key ?? DEMO_KEY;
  }

  /** Whether request headers (lower-case names) contain the key, as `x-api-key`, `api-key` or bearer token. */
  opens(headers: Readonly<Record<string, string>>): boolean {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    return [headers['x-api-key'], headers['api-key'], bearer].some((given) => isSame(given ?? '', this.#key));
  }

  /** A token for one path, for media players, which cannot send headers. */
  tokenFor(pathname: string): string {
    return createHmac('sha256', this.#key).update(pathname).digest('base64url');
  }

  opensByToken({ pathname, searchParams }: URL): boolean {
    return isSame(searchParams.get('token') ?? '', this.tokenFor(pathname));
  }
}

/** Digests have equal lengths, which a comparison in constant time requires. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** Why a local server refuses a host: a foreign page whose name resolves to this machine (DNS rebinding) sends that name. */
export function foreignHost({ hostname, host }: URL): string | null {
  return isLoopback(hostname) ? null : `\`${host}\` is not an address of this machine`;
}

/**
 * Whether a page of another origin sent a call that changes something. Browsers send `Sec-Fetch-Site` or, if they are older,
 * `Origin` with every such call, and pages cannot change them; other clients send neither.
 */
export function isCrossOrigin({ method, url, headers }: Pick<ServerCall, 'method' | 'url' | 'headers'>): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return false;
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && (URL.canParse(origin) ? new URL(origin).host : null) !== url.host;
}
