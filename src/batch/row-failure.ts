import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import type { BatchRow } from './batch-row.ts';

/** Errors of the account, the server or this machine that affect every row. */
const STOPS_ALL: ReadonlySet<string> = new Set([
  'no_api_key',
  'invalid_api_key',
  'permission_denied',
  'organization_not_verified',
  'insufficient_quota',
  'billing_hard_limit_reached',
  'cost_cap_exceeded',
  'service_retired',
  'endpoint_not_found',
  'not_supported',
  'tls_failure',
  'cannot_write',
  'invalid_config',
  'ledger_damaged',
  'ledger_unreachable',
]);

/** Words for failures that a retry would repeat. */
const ABOUT_THE_REQUEST = /invalid|polic(y|ies)|safety|blocked|unsupported|not[ _]allowed|forbidden|bad.?request/i;
/** Words for failures of the server. Any other reason may be about the request, and a retry is paid again. */
const ABOUT_THE_SERVER =
  /server|internal|process(ing|or)|render|encod|worker|gpu|cuda|memory|backend|upstream|engine|time(d|out)\b|time-?out|deadline|unavailable|overload|capacity|busy|crash|killed|lost|restart|temporar|transient|try again|retry|connection|network|disk|storage|unknown|unexpected|exception|\b5\d\d\b/i;
/** Says no more than that the job failed. */
const NO_REASON = /^((the )?(video )?((generation|task|job)[ _])?(has )?(fail|failed|failure|error))?\.?$/i;

/** The error of a row that was not submitted because there is no video to start from. */
export function sourceFailed({ from }: Pick<BatchRow, 'from'>): SoraError {
  return new SoraError('job_failed', {
    title: `not created: the row \`${from?.row.id}\` that it starts from failed`,
    hints: ['run the same command with `--retry-failed` to retry both'],
  });
}

/** Whether other rows would fail in the same way. */
export function stopsAll({ code }: SoraError): boolean {
  return STOPS_ALL.has(code);
}

/** Whether a failed job may succeed when retried. */
export function isServersFault({ code }: SoraError, { status, serverStatus, error }: VideoJob): boolean {
  if (status === 'expired') return true;
  if (status !== 'failed' || code !== 'job_failed') return false;
  const reasons = [serverStatus ?? '', error?.code ?? '', error?.message ?? ''];
  const isAbout = (words: RegExp): boolean => reasons.some((reason) => words.test(reason));
  return (
    !isAbout(ABOUT_THE_REQUEST) && (isAbout(ABOUT_THE_SERVER) || reasons.every((reason) => NO_REASON.test(reason)))
  );
}

/**
 * Whether the server no longer has the job, so that it cannot be resumed. The key may also belong to another
 * account, which only the user can know.
 */
export function isGone({ code }: SoraError, includesMissing = false): boolean {
  return code === 'content_expired' || (code === 'video_not_found' && includesMissing);
}

/** Whether the server lacks a variant of a video; others may exist. */
export function isOfVariant({ code }: SoraError): boolean {
  return code === 'not_supported' || code === 'endpoint_not_found';
}
