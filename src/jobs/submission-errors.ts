import { SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { shellWord } from '../domain/shell.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Interrupt } from '../platform/host.ts';

/** The error for a submission whose job may exist, with hints. `doubt` is the reason. */
export function inDoubt(key: string, doubt: SoraError | string, candidates: readonly VideoJob[]): SoraError {
  const { causedBy, status, requestId, cause } =
    typeof doubt === 'string' ? new SoraError('outcome_unknown', { causedBy: doubt }) : doubt;
  const isModel = cause instanceof SoraError && cause.code === 'model_not_found';
  const isRedirect = status !== null && status >= 300 && status < 400;
  return new SoraError('outcome_unknown', {
    causedBy,
    status,
    requestId,
    submission: key,
    hints: [
      ...candidates.map((job) => `run \`sora attach ${key} ${shellWord(job.id)}\` if it is ${describeCandidate(job)}`),
      ...hintsFor('outcome_unknown', { key }),
      ...(isModel ? cause.hints.slice(0, 1) : []),
      ...(isRedirect ? ['set the base URL to the redirect target, without the `/videos` at its end'] : []),
    ],
    cause,
  });
}

export function interruptedInDoubt(key: string, cause: Interrupt): SoraError {
  return new SoraError('interrupted', {
    title: 'interrupted; the server may have created the video',
    submission: key,
    hints: hintsFor('outcome_unknown', { key }),
    cause,
  });
}

export function didNotArrive(doubt: SoraError | null): SoraError {
  return new SoraError('connection_failed', {
    title: 'the create did not arrive at the server',
    causedBy: doubt?.causedBy ?? null,
    hints: [
      'run the command again: the server’s list shows that nothing was created',
      'check the network and the server',
    ],
    cause: doubt,
  });
}

/** A person abandoned a submission in doubt, so that it may be sent again. */
export function wasAbandoned(): SoraError {
  return new SoraError('connection_failed', {
    title: 'an earlier create with an unknown outcome was abandoned; its video may exist',
    hints: ['run the command again to submit it again'],
  });
}

/** The deadline was over before this process had sent anything; another one may have sent the same request. */
export function lateToSubmit(): SoraError {
  return new SoraError('wait_timeout', {
    title: 'timed out before the server accepted the request; this command created nothing',
    hints: ['run the same command again, with a longer `--timeout`'],
  });
}

/** A refusal that is missing from the ledger, where the submission would stay in doubt. */
export function refusedUnrecorded(refusal: SoraError, key: string, { causedBy }: SoraError): SoraError {
  return refusal.with({
    submission: key,
    hints: [
      ...refusal.hints,
      `run \`sora forget ${key}\`: the refusal could not be recorded in the ledger (${causedBy ?? 'cannot write'})`,
    ],
  });
}

/** A candidate in one line, for a person to choose from. */
function describeCandidate({ id, prompt, createdAtMs }: VideoJob): string {
  const made = createdAtMs === null ? '' : `, made ${new Date(createdAtMs).toISOString()}`;
  return `${id}${prompt === null ? '' : ` “${prompt.slice(0, 40)}”`}${made}`;
}
