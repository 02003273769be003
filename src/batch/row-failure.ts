import type { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';

/** What concerns the account, the server or this machine, and so every other row too. */
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
]);

/** Words for a failure that another try would not change, in a code or a message. */
const ABOUT_THE_REQUEST = /invalid|polic(y|ies)|safety|blocked|unsupported|not[ _]allowed|forbidden|bad.?request/i;

/** Whether other rows would fail in the same way. */
export function stopsAll({ code }: SoraError): boolean {
  return STOPS_ALL.has(code);
}

/** Whether a job may come out well when it is made anew. */
export function isServersFault({ code }: SoraError, { status, error }: VideoJob): boolean {
  if (status === 'expired') return true;
  return status === 'failed' && code === 'job_failed' && !ABOUT_THE_REQUEST.test(`${error?.code} ${error?.message}`);
}

/**
 * Whether the server no longer has the job, so that waiting for it or saving it again is vain. That it does not know it
 * may also mean that the key is another account’s, which only a user can tell.
 */
export function isGone({ code }: SoraError, believesMissing: boolean): boolean {
  return code === 'content_expired' || (code === 'video_not_found' && believesMissing);
}
