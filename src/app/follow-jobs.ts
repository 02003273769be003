import pLimit, { type LimitFunction } from 'p-limit';
import { SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { LOOKS_AT_ONCE } from '../domain/outcomes.ts';
import { isOfServerBatch, type JobRecord } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import type { VideoJob } from '../domain/video.ts';
import { type WaitEvent, waitForJob } from '../jobs/wait.ts';
import { cleanLine } from '../output/clean-text.ts';
import type { Progress } from '../output/progress.ts';
import { describeWait, type WaitState } from '../output/wait-view.ts';
import { Interrupt } from '../platform/host.ts';
import type { Context } from './context.ts';
import { type Server, targetOption } from './servers.ts';

export interface FollowedJob {
  readonly id: string;
  readonly server: Server;
  readonly record: JobRecord | undefined;
  /** The job as last reported; null to ask for it first. */
  readonly known: VideoJob | null;
}

/** How many earlier jobs the expected duration is the median of. */
const EXPECTED_FROM = 20;

type FollowDeps = Pick<Context, 'host' | 'output' | 'ledger' | 'jobs' | 'random'>;

/**
 * Waits for a job with progress on the terminal, records changes in the
 * ledger, and returns the job when it has ended, whatever its status. Throws
 * `wait_timeout` and `interrupted`, whose hints resume the wait.
 */
export async function followJob(job: FollowedJob, timeoutMs: number, deps: FollowDeps): Promise<VideoJob> {
  const [outcome] = await followJobs([job], timeoutMs, deps);
  if (outcome instanceof SoraError) throw outcome;
  if (outcome === undefined) throw new SoraError('unexpected');
  return outcome;
}

/** The same for several jobs at once; each ends in a job or an error. */
export async function followJobs(
  jobs: readonly FollowedJob[],
  timeoutMs: number,
  deps: FollowDeps,
): Promise<(VideoJob | SoraError)[]> {
  const progress = await deps.output.progress(deps.host.clock);
  const watches = await Promise.all(jobs.map((job) => JobWatch.of(job, progress, deps)));
  const takeTurn = pLimit(LOOKS_AT_ONCE);
  const states = watches.map(({ state }) => state);
  await progress.show((columns, glyphs) => describeWait(states, deps.host.clock.now(), columns, glyphs));
  try {
    return await Promise.all(watches.map((watch) => followOne(watch, timeoutMs, takeTurn, deps)));
  } finally {
    await progress.stop();
  }
}

async function followOne(
  watch: JobWatch,
  timeoutMs: number,
  takeTurn: LimitFunction,
  deps: FollowDeps,
): Promise<VideoJob | SoraError> {
  const { host, random } = deps;
  const { id, server, record, known } = watch.job;
  const client = deps.jobs.clientOf({ ...server, client: server.singleShot }, record?.request.source?.operation);
  try {
    const events = waitForJob(
      { client: { get: (...look) => takeTurn(() => client.get(...look)) }, clock: host.clock, random },
      { id, known, deadlineMs: host.clock.now() + timeoutMs, signal: host.interrupt },
    );
    for (;;) {
      const step = await events.next();
      if (step.done) return step.value;
      const removed = step.value.kind === 'trouble' ? await deps.jobs.removedJob(watch.job.record) : null;
      if (removed !== null) return removed;
      await watch.see(step.value);
    }
  } catch (error) {
    const save = record && isOfServerBatch(record) ? resumeBatch(record) : null;
    return stopped(error, { id, name: await deps.ledger.shortId(id), target: targetOption(server.identity), save });
  }
}

/** How to save the videos of a server-side batch. */
export function resumeBatch({ batch }: JobRecord): string {
  return `run the \`sora batch --server-batch\` command of ${batch} again to save its videos`;
}

interface Stopped {
  readonly id: string;
  readonly name: string;
  readonly target: string;
  /** How to save its results; null for a video. */
  readonly save: string | null;
}

/** An error that ended the wait but not the job, with the command that resumes it. */
function stopped(thrown: unknown, { id, name, target, save: other }: Stopped): SoraError {
  const facts = { id: name, target };
  const save = other ?? `run \`${commandAbout(name, 'sora download', ` --wait${target}`)}\` to wait and save the video`;
  if (thrown instanceof Interrupt) {
    const title = 'interrupted; the job keeps running on the server';
    return new SoraError('interrupted', {
      title,
      jobId: id,
      hints: [...hintsFor('interrupted', facts), save],
      cause: thrown,
    });
  }
  if (!(thrown instanceof SoraError)) throw thrown;
  if (thrown.code === 'wait_timeout')
    return new SoraError('wait_timeout', { jobId: id, hints: [...hintsFor('wait_timeout', facts), save] });
  const resume =
    thrown.code === 'video_not_found'
      ? 'add `--again` to `sora create` to create it again if it is really gone'
      : `run \`${commandAbout(name, 'sora status', ` --watch${target}`)}\` to keep waiting`;
  return thrown.with({ jobId: id, hints: [...thrown.hints, resume] });
}

/** One watched job: shows changes and records them. */
class JobWatch {
  readonly job: FollowedJob;
  readonly state: WaitState;
  readonly #deps: FollowDeps;
  readonly #progress: Pick<Progress, 'isVisible'>;

  private constructor(job: FollowedJob, state: WaitState, progress: Pick<Progress, 'isVisible'>, deps: FollowDeps) {
    this.job = job;
    this.state = state;
    this.#deps = deps;
    this.#progress = progress;
  }

  static async of(job: FollowedJob, progress: Pick<Progress, 'isVisible'>, deps: FollowDeps): Promise<JobWatch> {
    const { server, record, known } = job;
    const { ledger, host } = deps;
    const model = known?.model ?? record?.request.model;
    const state = {
      name: await ledger.shortId(job.id),
      prompt: known?.prompt ?? record?.request.prompt ?? null,
      startedMs: record?.submittedAtMs ?? host.clock.now(),
      expectedMs: model ? median(await ledger.durationsMs(server.identity.profile, model, EXPECTED_FROM)) : null,
      status: null,
      progress: null,
      trouble: null,
    };
    return new JobWatch(job, state, progress, deps);
  }

  async see(event: WaitEvent): Promise<void> {
    if (event.kind === 'trouble') {
      if (this.state.trouble === null) this.#tell(`${event.error.message}; still waiting`);
      this.state.trouble = event.error.message;
      return;
    }
    const { status, progress } = event.job;
    const isNews = status !== this.state.status;
    Object.assign(this.state, { status, progress, trouble: null });
    if (isNews) await this.#tellStatus(event.job);
  }

  async #tellStatus(job: VideoJob): Promise<void> {
    const { output, jobs } = this.#deps;
    const { record } = this.job;
    if (job.status === 'unknown') {
      output.note(`the server's status \`${cleanLine(job.serverStatus ?? '', 60)}\` is unknown; polling less often`);
    }
    this.#tell(job.status.replace('_', ' '));
    if (job.status !== record?.job?.status) await jobs.record(record, job);
  }

  #tell(text: string): void {
    if (!this.#progress.isVisible) this.#deps.output.news(`${this.state.name}: ${text}`);
  }
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
