import pLimit, { type LimitFunction } from 'p-limit';
import { SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { LOOKS_AT_ONCE } from '../domain/outcomes.ts';
import { isOfServerBatch, type JobRecord } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import type { VideoJob } from '../domain/video.ts';
import { knownError } from '../jobs/known-error.ts';
import { type WaitEvent, waitForJob } from '../jobs/wait.ts';
import { cleanLine } from '../output/clean-text.ts';
import { describeWait, type WaitState } from '../output/wait-view.ts';
import type { Context } from './context.ts';
import type { FoundJob } from './known-jobs.ts';
import { targetOption } from './servers.ts';

export interface FollowedJob extends FoundJob {
  /** The job as last reported; null to ask for it first. */
  readonly known: VideoJob | null;
}

/** How many earlier jobs the expected duration is the median of. */
const EXPECTED_FROM = 20;

type FollowDeps = Pick<Context, 'host' | 'output' | 'ledger' | 'jobs' | 'random'>;

/**
 * Waits for a job until a deadline (in uptime), shows progress, and records changes in the ledger. Throws
 * `wait_timeout` and `interrupted`.
 */
export async function followJob(job: FollowedJob, deadlineMs: number, deps: FollowDeps): Promise<VideoJob> {
  const [outcome] = await followJobs([job], deadlineMs, deps);
  if (outcome instanceof SoraError) throw outcome;
  if (outcome === undefined) throw new SoraError('unexpected');
  return outcome;
}

/** The same for several jobs at once; each ends in a job or an error. */
export async function followJobs(
  jobs: readonly FollowedJob[],
  deadlineMs: number,
  deps: FollowDeps,
): Promise<(VideoJob | SoraError)[]> {
  const { output, host } = deps;
  const progress = await output.progress(host.clock);
  const watched = await Promise.all(
    jobs.map(async (job): Promise<WatchedJob> => {
      const state = await stateOf(job, deps);
      const report = (text: string): void => {
        if (!progress.isVisible) output.news(`${state.name}: ${text}`);
      };
      return { job, state, report };
    }),
  );
  const takeTurn = pLimit(LOOKS_AT_ONCE);
  const states = watched.map(({ state }) => state);
  await progress.show((columns, glyphs) => describeWait(states, host.clock.now(), columns, glyphs));
  try {
    return await Promise.all(watched.map((watch) => followOne(watch, deadlineMs, takeTurn, deps)));
  } finally {
    await progress.stop();
  }
}

interface WatchedJob {
  readonly job: FollowedJob;
  readonly state: WaitState;
  /** Tells the user, where no progress is shown. */
  readonly report: (text: string) => void;
}

async function followOne(
  watched: WatchedJob,
  deadlineMs: number,
  takeTurn: LimitFunction,
  deps: FollowDeps,
): Promise<VideoJob | SoraError> {
  const { host, random } = deps;
  const { id, server, record, known } = watched.job;
  const client = deps.jobs.singleShotOf(server, record?.request.source?.operation);
  const latest = record && (() => deps.ledger.byKey(record.key));
  try {
    return await waitForJob(
      { client: { get: (...look) => takeTurn(() => client.get(...look)) }, clock: host.clock, random },
      { id, known, deadlineMs, latest, signal: host.interrupt },
      (event) => see(event, watched, deps),
    );
  } catch (error) {
    return stopped(knownError(error), watched.job, await deps.ledger.shortId(id));
  }
}

/** Shows what a poll has found, and records changes. */
async function see(
  event: WaitEvent,
  { job: { record }, state, report }: WatchedJob,
  { output, jobs }: FollowDeps,
): Promise<void> {
  if (event.kind === 'trouble') {
    const { message } = event.error;
    if (state.trouble === null) report(`${message}; still waiting`);
    state.trouble = message;
    return;
  }
  const { status, progress, serverStatus } = event.job;
  const isNews = status !== state.status;
  Object.assign(state, { status, progress, trouble: null });
  if (!isNews) return;
  if (status === 'unknown') {
    output.note(`the server's status \`${cleanLine(serverStatus ?? '', 60)}\` is unknown; polling less often`);
  }
  report(status.replace('_', ' '));
  if (status !== record?.job?.status) await jobs.record(record, event.job);
}

/** How to save the videos of a server-side batch. */
export function resumeBatch({ batch }: JobRecord): string {
  return `run the \`sora batch --server-batch\` command of ${batch} again to save its videos`;
}

/** An error that ended the wait but not the job, with the command that resumes it. */
function stopped(error: SoraError, { id, server, record }: FollowedJob, name: string): SoraError {
  const target = targetOption(server.identity);
  const save =
    record && isOfServerBatch(record)
      ? resumeBatch(record)
      : `run \`${commandAbout(name, 'sora download', ` --wait${target}`)}\` to wait for the video and save it`;
  const wait = hintsFor('wait_timeout', { id: name, target });
  const hints = [...wait, save];
  if (error.code === 'interrupted') {
    return error.with({ title: 'interrupted; the job keeps running on the server', jobId: id, hints });
  }
  if (error.code === 'wait_timeout') return error.with({ jobId: id, hints });
  const isMissing = error.code === 'video_not_found';
  const next = isMissing ? ['add `--again` to `sora create` to create it again if it is really gone'] : wait;
  return error.with({ jobId: id, hints: [...error.hints, ...next] });
}

/** How a wait begins. */
async function stateOf({ id, server, record, known }: FollowedJob, { ledger, host }: FollowDeps): Promise<WaitState> {
  const model = known?.model ?? record?.request.model;
  return {
    name: await ledger.shortId(id),
    prompt: known?.prompt ?? record?.request.prompt ?? null,
    startedMs: record?.submittedAtMs ?? host.clock.now(),
    expectedMs: model ? median(await ledger.durationsMs(server.identity.profile, model, EXPECTED_FROM)) : null,
    status: null,
    progress: null,
    trouble: null,
  };
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
