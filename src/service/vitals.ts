import { type ErrorCode, errorEntry } from '../domain/catalogue.ts';
import { SoraError } from '../domain/errors.ts';
import { METRICS_TYPE } from '../domain/metrics.ts';
import { type Handler, jsonReply, type ServerReply, textReply } from '../http-server/handler.ts';
import type { Clock } from '../platform/clock.ts';
import { errorReply } from '../simulator/api-error.ts';
import type { Ledger } from '../store/ledger.ts';
import { type AccessKey, foreignHost } from './access.ts';
import { refusalReply } from './rest-error.ts';

/** What a long-running process reports to its monitoring. */
export interface Vitals {
  readonly version: string;
  readonly profile: string;
  /** Throws the error that prevents paid work. */
  checkReady(): Promise<void>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
}

/** How long the result of a check is cached: anyone may call it, as often as they like. */
const KEPT_MS = 1_000;
/** Health checks time out after a few seconds, so a ledger that does not answer counts as unreachable. */
const LONGEST_CHECK_MS = 2_000;

/** Checks a ledger, one check at a time. Throws its error, and `ledger_unreachable` if it does not answer in time. */
export function readinessOf(
  ledger: Pick<Ledger, 'requireUsable'>,
  clock: Pick<Clock, 'alarm' | 'uptimeMs'>,
): () => Promise<void> {
  let last: { readonly result: Promise<void>; endedMs: number | null } | undefined;
  return () => {
    if (last === undefined || (last.endedMs !== null && clock.uptimeMs() - last.endedMs >= KEPT_MS)) {
      const check: typeof last = { result: ledger.requireUsable(), endedMs: null };
      const end = (): void => {
        check.endedMs = clock.uptimeMs();
      };
      check.result.then(end, end);
      last = check;
    }
    return inTime(last.result, clock);
  };
}

async function inTime<T>(work: Promise<T>, clock: Pick<Clock, 'alarm'>): Promise<T> {
  let stop = (): void => {};
  const late = new Promise<never>((_, reject) => {
    stop = clock.alarm(LONGEST_CHECK_MS, () => reject(new SoraError('ledger_unreachable')));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop();
  }
}

/** Why it is not ready, without paths and names, which are not public; null if it is. */
export async function unreadinessOf(
  checkReady: Vitals['checkReady'],
): Promise<{ readonly code: ErrorCode; readonly message: string } | null> {
  try {
    await checkReady();
    return null;
  } catch (error) {
    const code = error instanceof SoraError ? error.code : 'unexpected';
    const isWriting = code === 'cannot_write';
    return { code, message: isWriting ? 'the ledger cannot be written' : errorEntry(code).title };
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
 * The three paths alone, for a process that serves nothing else. Metrics need the key, unless `access` is null. `isLocal`:
 * it listens on the loopback only.
 */
export function createVitalsHandler(vitals: Vitals, access: AccessKey | null, isLocal: boolean): Handler {
  return {
    refuse: errorReply,
    async answer({ method, url, headers }) {
      const foreign = isLocal ? foreignHost(url) : null;
      if (foreign !== null) return refusalReply(403, 'permission_denied', foreign);
      if (method !== 'GET' && method !== 'HEAD') {
        return refusalReply(405, 'not_supported', `no ${method} here`, { allow: 'GET, HEAD' });
      }
      if (url.pathname === '/metrics' && access !== null && !access.opens(headers)) {
        return refusalReply(401, 'invalid_api_key', 'missing or wrong key');
      }
      const reply = await vitalsReply(url.pathname, vitals);
      return reply ?? refusalReply(404, 'endpoint_not_found', `no such path: \`${url.pathname}\``);
    },
  };
}
