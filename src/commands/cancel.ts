import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { followJob, resumeBatch } from '../app/follow-jobs.ts';
import type { FoundJob } from '../app/known-jobs.ts';
import { option, readDeadlineMs, refuseFaults, TIMEOUT_OPTION } from '../app/option-values.ts';
import { targetOption } from '../app/servers.ts';
import { capabilitiesOf } from '../configuration/endpoint.ts';
import { SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { forEach } from '../domain/outcomes.ts';
import { isOfCharacter, isOfServerBatch, isSaved, type JobRecord } from '../domain/record.ts';
import { missingFor, requireCapability } from '../domain/request-gate.ts';
import { commandAbout } from '../domain/shell.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import { isTerminal, type VideoJob } from '../domain/video.ts';
import { type Cancellation, cancelJob } from '../jobs/cancel.ts';
import { JOB_JSON_SHAPE, type JobsForm, jobJson } from '../output/job-view.ts';
import type { Answer } from '../output/output.ts';
import { renderTable } from '../output/table.ts';

/** A job that ends at the deadline is still deleted. */
const LAST_DELETE_MS = 2_000;

type CancelDeps = Pick<Context, 'configuration' | 'ledger' | 'jobs' | 'output' | 'host' | 'random'>;

/** What is left to do once the server was asked to stop a job: for `--wait`, to wait for its end. */
type Remainder = () => Promise<Cancelled>;

interface Limits {
  /** Whether to wait for the end of a job that cannot be stopped at once. */
  readonly wait: boolean;
  readonly deadlineMs: number;
}

interface Cancelled {
  readonly summary: JobSummary;
  readonly outcome: 'aborted' | 'deleted' | 'cancelling';
}

export const cancelCommand = defineCommand({
  name: 'cancel',
  description:
    'Stops unfinished jobs and reports the outcome: aborted (the server stopped the job), deleted (the video is gone; the work may still be billed), cancelling (the server is about to stop it), or an error if the job keeps running. A server-side batch keeps the videos that are finished; run its `sora batch` command again to save them.',
  arguments: [{ form: '[id...]', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: {
    all: option('--all', 'all unfinished jobs in the local ledger, server-side batches included'),
    wait: option('--wait', 'delete a job that cannot be stopped when it ends; wait for the end of a server-side batch'),
    timeout: TIMEOUT_OPTION,
  },
  json: `${JOB_JSON_SHAPE} and "outcome": aborted, deleted or cancelling; with several ids: {"jobs":[…]}`,
  errors: ['video_not_found', 'cannot_cancel', 'already_finished', 'not_supported', 'outcome_unknown', 'wait_timeout'],
  examples: [
    ['sora cancel @last', 'stop the newest job'],
    ['sora cancel --all --wait', 'stop all unfinished jobs'],
    ['sora cancel batch_123', 'stop a server-side batch'],
  ],

  async run({ args, options }, deps: CancelDeps) {
    const { jobs, output } = deps;
    const faults: string[] = [];
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    if (args.length === 0 && !options.all) faults.push('name an id, or use `--all`');
    if (args.length > 0 && options.all) faults.push('use ids or `--all`, not both');
    refuseFaults(faults);
    const { values: found, errors } = options.all
      ? await jobs.findUnfinished(deadlineMs, (record) => !isOfCharacter(record))
      : await forEach(args, (name) => jobs.findAny(name, deadlineMs));
    const limits = { wait: options.wait ?? false, deadlineMs };
    const { values: asked, errors: refusals } = await forEach(found, (job) =>
      job.record && isOfServerBatch(job.record)
        ? cancelBatch({ ...job, record: job.record }, limits, deps)
        : cancelOne(job, limits, deps),
    );
    const { values, errors: failures } = await forEach(asked, (finish) => finish());
    const allErrors = [...errors, ...refusals, ...failures];
    // With `--all`, a job that has ended in the meantime is no failure.
    const ended = allErrors.filter(({ code }) => options.all && code === 'already_finished');
    for (const { jobId, message, hints } of ended) output.note(`${jobId}: ${message}; ${hints[0]}`);
    const left = allErrors.filter((error) => !ended.includes(error));
    if (found.length + left.length === 0) output.note('there are no unfinished jobs');
    const answer = answerFor(values, args.length === 1, jobs.form());
    return { ...(values.length > 0 || left.length === 0 ? { answer } : {}), errors: left };
  },
});

async function cancelOne(found: FoundJob, { wait, deadlineMs }: Limits, deps: CancelDeps): Promise<Remainder> {
  const { jobs, host } = deps;
  const { id, server, record } = found;
  const capabilities = capabilitiesOf(server.configuration);
  // With `--wait` the job is deleted when it ends, not stopped.
  requireCapability(wait ? 'delete' : 'cancel', capabilities);
  const before = await jobs.look(found, deadlineMs);
  if (isTerminal(before.status)) throw alreadyFinished(found, before);
  const result: Cancellation = capabilities.missing.has('cancel')
    ? { kind: 'running', job: before, refusal: null }
    : await jobs.inTime(deadlineMs, id, (signal) =>
        cancelJob({ client: server.client, clock: host.clock, signal }, id),
      );
  if (result.kind === 'deleted') {
    await jobs.recordRemoval(record);
    return async () => cancelled(found, { ...before, status: 'cancelled' }, 'deleted');
  }
  if (result.kind === 'running') {
    if (!wait) throw cannotCancel(found, result.refusal);
    return async () => {
      const ended = await followJob({ ...found, known: result.job }, deadlineMs, deps);
      await jobs.delete(found, Math.max(deadlineMs, host.clock.uptimeMs() + LAST_DELETE_MS));
      return cancelled(found, ended, 'deleted');
    };
  }
  await jobs.record(record, result.job);
  if (result.kind === 'ended') throw alreadyFinished(found, result.job);
  return async () => cancelled(found, result.job, result.kind === 'stopping' ? 'cancelling' : 'aborted');
}

function cancelled({ server, record }: FoundJob, job: VideoJob, outcome: Cancelled['outcome']): Cancelled {
  return { summary: summarize(server.identity.profile, record, job), outcome };
}

/** Finished requests of a batch stay; the `sora batch` command that submitted it records and saves them. */
async function cancelBatch(
  found: FoundJob & { readonly record: JobRecord },
  { wait, deadlineMs }: Limits,
  deps: CancelDeps,
): Promise<Remainder> {
  const { jobs, host, output } = deps;
  const { id, server, record } = found;
  const [missing] = missingFor({ operation: 'batch' }, capabilitiesOf(server.configuration));
  if (missing !== undefined) throw new SoraError('not_supported', { title: missing, jobId: id });
  const save = resumeBatch(record);
  const refuse = (code: 'already_finished' | 'cannot_cancel', refusal: SoraError | null): SoraError => {
    const causedBy = refusal?.causedBy ?? refusal?.message ?? null;
    const title = code === 'already_finished' ? 'the server-side batch has already ended' : null;
    return new SoraError(code, { ...(title && { title }), causedBy, jobId: id, hints: [save] });
  };
  const before = await jobs.look(found, deadlineMs);
  if (isTerminal(before.status)) throw refuse('already_finished', null);
  const client = jobs.clientOf(server, 'batch');
  const result = await jobs.inTime(deadlineMs, id, (signal) => cancelJob({ client, clock: host.clock, signal }, id));
  if (result.kind === 'deleted') throw refuse('cannot_cancel', null);
  const { kind } = result;
  if (kind === 'running') throw refuse('cannot_cancel', result.refusal);
  return async () => {
    const isAwaited = kind === 'stopping' && wait;
    const job = isAwaited ? await followJob({ ...found, known: result.job }, deadlineMs, deps) : result.job;
    await jobs.record(record, job);
    if (isTerminal(job.status) && job.status !== 'cancelled') throw refuse('already_finished', null);
    output.note(save);
    return cancelled(found, job, job.status === 'cancelled' ? 'aborted' : 'cancelling');
  };
}

/** In a dialect without a delete call, `--wait` would not help. */
function cannotCancel({ id, server }: FoundJob, refusal: SoraError | null): SoraError {
  const target = targetOption(server.identity);
  const retryable = refusal?.retryable ?? false;
  const isWithoutDelete = refusal?.code === 'not_supported' && refusal.status === null;
  return new SoraError('cannot_cancel', {
    causedBy: refusal?.causedBy ?? refusal?.message ?? null,
    jobId: id,
    retryable,
    hints: isWithoutDelete
      ? [`run \`${commandAbout(id, 'sora status', `${target} --watch`)}\` to wait for its end`]
      : [...(retryable ? ['run the same command again'] : []), ...hintsFor('cannot_cancel', { id, target })],
  });
}

function alreadyFinished({ id, server, record }: FoundJob, { status }: VideoJob): SoraError {
  const target = targetOption(server.identity);
  const isUnsaved = status === 'completed' && !(record && isSaved(record));
  const save = `run \`${commandAbout(id, 'sora download', target)}\` to save it`;
  return new SoraError('already_finished', {
    jobId: id,
    hints: [...(isUnsaved ? [save] : []), ...hintsFor('already_finished', { id, target })],
  });
}

function answerFor(all: readonly Cancelled[], isNamedAlone: boolean, { shorten }: JobsForm): Answer {
  const ids = all.map(({ summary }) => summary.id ?? '');
  const documents = all.map(({ summary, outcome }) => ({ ...jobJson(summary), outcome }));
  const [only] = documents;
  return {
    data: isNamedAlone && only ? only : { jobs: documents },
    view: async (surface) => {
      const names = surface.isTerminal ? await shorten(ids) : ids;
      const rows = all.map(({ outcome }, at) => [names[at] ?? '', outcome]);
      return renderTable({ head: ['ID', 'OUTCOME'], rows }, surface);
    },
  };
}
