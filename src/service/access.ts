import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** The key that is used where no other was set; known to everybody, and therefore good on the loopback only. */
export const DEMO_KEY = 'test-api-key';

const LOOPBACK_NAMES = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** Whether an address to listen at is of this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.test(host) || host === '::1';
}

/** The key of the service: compared in constant time, and good for signing addresses. */
export class AccessKey {
  readonly isDemo: boolean;
  readonly #key: string;

  /** Without a key it is the demo key. */
  constructor(key: string | null) {
    this.isDemo = key === null;
    this.#key = key ?? DEMO_KEY;
  }

  /** Whether the headers of a request (names in lower case) carry the key: as `x-api-key`, as `api-key`, or as a bearer token. */
  opens(headers: Readonly<Record<string, string>>): boolean {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    return [headers['x-api-key'], headers['api-key'], bearer].some((given) => isSame(given ?? '', this.#key));
  }

  /** A token that opens one path, for players and pictures, which can send no header. */
  tokenFor(pathname: string): string {
    return createHmac('sha256', this.#key).update(pathname).digest('base64url');
  }

  opensByToken({ pathname, searchParams }: URL): boolean {
    return isSame(searchParams.get('token') ?? '', this.tokenFor(pathname));
  }
}

/** Digests have one length, whatever was given, and comparing them takes one time. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** A page elsewhere whose name is made to lead here (DNS rebinding) comes with that name. */
export function isForeignHost(url: URL): boolean {
  return !LOOPBACK_NAMES.test(url.hostname);
}
