import { SoraError } from '../domain/errors.ts';
import type { JobRecord } from '../domain/record.ts';
import { recover } from '../jobs/recover.ts';
import type { Context } from './context.ts';
import type { Server } from './server.ts';
import { submitDeps } from './submit-deps.ts';

/** A job that was named on the command line: its server, and the ledger's record where it has one. */
export interface FoundJob {
  readonly id: string;
  readonly server: Server;
  readonly record: JobRecord | undefined;
}

/**
 * Finds the job behind an id, a submission's key or `@last`. A submission whose
 * answer was lost is looked for on its server. Throws `video_not_found` or
 * `outcome_unknown`.
 */
export async function findJob(name: string, context: Context): Promise<FoundJob> {
  const record = name === '@last' ? lastRecord(context) : recordNamed(name, context);
  const server = await context.serverOf(record);
  if (record === undefined) return { id: name, server, record };
  if (record.job !== null) return { id: record.job.id, server, record };
  if (record.answer === 'rejected') {
    throw new SoraError('video_not_found', {
      title: 'this submission was refused, so there is no video',
      causedBy: record.refusal?.message ?? null,
    });
  }
  const recovery = await recover(submitDeps(server, context), record, context.host.interrupt);
  if (recovery.kind === 'found') return { id: recovery.record.job?.id ?? name, server, record: recovery.record };
  throw new SoraError('outcome_unknown', {
    causedBy:
      recovery.kind === 'unsearchable'
        ? `could not search the server’s list: ${recovery.error.message}`
        : 'it is not in the server’s list',
    hints: ['run `sora create` with `--again` to submit it anew, only when you are sure that it does not exist'],
  });
}

function lastRecord({ ledger }: Context): JobRecord {
  const [last] = ledger.newest(1, ({ answer, removed }) => answer !== 'rejected' && !removed);
  if (last === undefined)
    throw new SoraError('video_not_found', { title: 'the ledger holds no video that may still exist' });
  return last;
}

/** The same id may exist on two servers; the one that is in use goes first. */
function recordNamed(name: string, { ledger, configuration }: Context): JobRecord | undefined {
  const records = ledger.find(name);
  return records.find(({ baseUrl }) => baseUrl === configuration.baseUrl.value) ?? records[0];
}
