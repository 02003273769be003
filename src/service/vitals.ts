import { CATALOGUE, type ErrorCode } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import { METRICS_TYPE } from '../domain/metrics.ts';
import { type Handler, jsonReply, type ServerReply, textReply } from '../http-server/handler.ts';
import { errorReply } from '../simulator/api-error.ts';
import type { Ledger } from '../store/ledger.ts';
import type { AccessKey } from './access.ts';
import { errorBody } from './rest-error.ts';

/** What a long-running process tells those who watch over it. */
export interface Vitals {
  readonly version: string;
  readonly profile: string;
  /** Throws what keeps it from paid work. */
  checkReady(): Promise<void>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
}

/** Why it is not ready, without paths and names: anyone may ask. */
export interface Unreadiness {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Checks a ledger no more than once a second, however often it is asked. */
export function readinessOf(ledger: Pick<Ledger, 'requireUsable'>, now: () => number): () => Promise<void> {
  let last: { readonly atMs: number; readonly result: Promise<void> } | undefined;
  return () => {
    if (last === undefined || now() - last.atMs >= KEPT_MS) last = { atMs: now(), result: ledger.requireUsable() };
    return last.result;
  };
}

const KEPT_MS = 1_000;

/** Null if it is ready. */
export async function unreadinessOf(checkReady: Vitals['checkReady']): Promise<Unreadiness | null> {
  try {
    await checkReady();
    return null;
  } catch (error) {
    const code = error instanceof SoraError ? error.code : 'unexpected';
    const isWriting = code === 'cannot_write';
    return { code, message: isWriting ? 'the ledger cannot be written' : CATALOGUE[code].title };
  }
}

/** The reply to a path of `Vitals`; null for any other. */
export async function vitalsReply(pathname: string, vitals: Vitals): Promise<ServerReply | null> {
  const { version, profile } = vitals;
  switch (pathname) {
    case '/healthz':
      return jsonReply({ status: 'ok', version, profile });
    case '/readyz': {
      const reason = await unreadinessOf(vitals.checkReady);
      return reason === null
        ? jsonReply({ status: 'ready', version, profile })
        : jsonReply({ status: 'unavailable', version, profile, reason }, {}, 503);
    }
    case '/metrics':
      return textReply(200, METRICS_TYPE, await vitals.metrics());
    default:
      return null;
  }
}

/**
 * The three paths alone, for a process that serves nothing else. Metrics need the key; `access` is null where it listens on
 * the loopback only.
 */
export function createVitalsHandler(vitals: Vitals, access: AccessKey | null): Handler {
  return {
    refuse: errorReply,
    async answer({ method, url, headers }) {
      if (method !== 'GET' && method !== 'HEAD') {
        return jsonReply(errorBody('not_supported', `no ${method} here`), { allow: 'GET, HEAD' }, 405);
      }
      if (url.pathname === '/metrics' && access !== null && !access.opens(headers)) {
        return jsonReply(errorBody('invalid_api_key', 'missing or wrong key'), {}, 401);
      }
      const reply = await vitalsReply(url.pathname, vitals);
      return reply ?? jsonReply(errorBody('endpoint_not_found', `no such address: \`${url.pathname}\``), {}, 404);
    },
  };
}
