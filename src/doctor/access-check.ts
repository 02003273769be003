import type { VideosClient } from '../client/port.ts';
import type { CheckOutcome } from '../domain/check.ts';
import { SoraError } from '../domain/errors.ts';
import { formatUsd } from '../domain/money.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { cancelJob } from '../jobs/cancel.ts';
import type { Submission } from '../jobs/submit.ts';
import { type Check, pass, skip, warn } from './check.ts';
import type { Subject } from './subject.ts';

export type Consent = 'agreed' | 'refused' | 'nobody-to-ask';

export interface AccessCheckDeps {
  /** What the smallest job costs; null where no price is known. */
  readonly priceMicros: number | null;
  readonly isFree: boolean;
  /** Asks whether the job may be paid for. */
  consent(): Promise<Consent>;
  /** Submits it through the ledger, like every other job. */
  submit(): Promise<Submission>;
  /** Writes down that the job is gone. */
  forget(submission: Submission): Promise<void>;
  client(): Promise<VideosClient>;
  readonly signal: AbortSignal;
}

/** The create of the access-check curl, sent for real: the only proof that videos can be made. */
export function accessCheck(prepare: () => AccessCheckDeps): Check<Subject> {
  return {
    id: 'access',
    title: 'access check (a create)',
    needs: ['settings', 'state', 'key', 'base_url', 'dns', 'tcp', 'tls', 'authentication', 'model', 'videos'],
    async run() {
      const deps = prepare();
      const price = deps.isFree ? 'free' : formatUsd(deps.priceMicros);
      switch (await deps.consent()) {
        case 'refused':
          return skip(`not sent: its price (${price}) was not agreed to`);
        case 'nobody-to-ask':
          return skip(`not sent: it makes a job, whose price is ${price}`, 'add `--yes` to send it');
        case 'agreed':
          return tryAccess(deps, price);
      }
    },
  };
}

async function tryAccess(deps: AccessCheckDeps, price: string): Promise<CheckOutcome> {
  const submission = await deps.submit();
  const id = submission.job?.id ?? submission.record.job?.id ?? submission.record.key;
  const made = `made ${id} (${submission.job?.serverStatus ?? 'no status'}, ${price})`;
  try {
    const end = await endJob(deps, id, submission.job);
    if (end === null) {
      return warn(
        `${made}; it could not be stopped, keeps running and is billed`,
        `run \`sora cancel ${id} --wait\` to delete it when it ends`,
      );
    }
    await deps.forget(submission);
    return pass(`${made}; ${end} at once`);
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    return warn(
      `${made}; it could not be removed: ${error.causedBy ?? error.message}`,
      `run \`sora status ${id}\` to see it`,
    );
  }
}

/** How the job was ended, or null when it goes on. */
async function endJob({ client, signal }: AccessCheckDeps, id: string, job: VideoJob | null): Promise<string | null> {
  const server = await client();
  if (job !== null && isTerminal(job.status)) return (await server.remove(id, { signal })) ? 'deleted' : null;
  const cancellation = await cancelJob(server, id, signal);
  if (cancellation.kind === 'running') return null;
  if (cancellation.kind === 'ended') return (await server.remove(id, { signal })) ? 'deleted' : null;
  return cancellation.kind;
}
