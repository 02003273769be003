import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { factsOf, type JobFacts, type SavedFile } from '../domain/record.ts';
import { isTerminal, type Variant, type VideoJob, type VideoRequest } from '../domain/video.ts';
import { download } from '../jobs/download.ts';
import { isCleared } from '../jobs/objection.ts';
import { submit } from '../jobs/submit.ts';
import { waitForJob } from '../jobs/wait.ts';
import { replaceFile } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { Interrupt } from '../platform/host.ts';
import type { Log } from './log.ts';
import type { NewOrder, OrderDesk, Selected, Selection } from './order-desk.ts';
import { diagnosisOf } from './rest-error.ts';
import type { RestJob, RestStatus } from './rest-job.ts';
import type { RestJobStore } from './rest-job-store.ts';
import type { JobEvent } from './service-metrics.ts';
import { removeVideo, submittedOrder, type Upstream } from './upstream.ts';
import { firstFrame } from './video-order.ts';

export interface JobRunnerOptions {
  readonly upstream: Upstream;
  readonly jobs: RestJobStore;
  /** The folder for the files of finished videos. */
  readonly filesDir: string;
  /** 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Removes the secrets that are known. */
  readonly clean: (text: string) => string;
}

/** The length of one wait. It is repeated until the server ends the job. */
const WAIT_MS = 30 * 60_000;
const EXTENSION: Readonly<Record<'video' | 'thumbnail', string>> = { video: 'mp4', thumbnail: 'webp' };

type NotedEvent =
  | { readonly event: 'seen'; readonly job: JobFacts }
  | { readonly event: 'saved'; readonly file: SavedFile };

/** A job in the background. */
interface Run {
  readonly stop: AbortController;
  /** Resolves when the create has been answered, whatever the answer. */
  readonly submitted: Promise<void>;
  readonly ended: Promise<void>;
}

/** Processes the service's jobs in the background: submits each once, waits for it and downloads its files. */
export class JobRunner implements OrderDesk {
  readonly #options: JobRunnerOptions;
  readonly #runs = new Map<string, Run>();
  readonly #progress = new Map<string, number>();
  readonly #submitting = new Set<string>();
  #observe: (event: JobEvent) => void = () => {};

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  onEvent(observe: (event: JobEvent) => void): void {
    this.#observe = observe;
  }

  get openSubmissions(): number {
    return this.#submitting.size;
  }

  progressOf({ id, status }: RestJob): number | null {
    return status === 'completed' ? 100 : (this.#progress.get(id) ?? null);
  }

  async find(id: string): Promise<RestJob | undefined> {
    return this.#options.jobs.find(id);
  }

  async newest(limit: number, selection: Selection): Promise<Selected | undefined> {
    return this.#options.jobs.newest(limit, selection);
  }

  async count(): Promise<Record<RestStatus, number>> {
    return this.#options.jobs.count();
  }

  async queueState(): Promise<null> {
    return null;
  }

  async accept({ job, image, approvedMicros }: NewOrder): Promise<RestJob> {
    const { jobs, upstream } = this.#options;
    const { id, idempotencyKey } = job;
    const known = idempotencyKey === null ? undefined : jobs.findByIdempotencyKey(idempotencyKey);
    if (known !== undefined) return known;
    await upstream.budget.admit(id, job.estimate?.micros ?? null, approvedMicros);
    try {
      const stored = image === null ? {} : { image: await this.#keepImage(id, image) };
      const kept = await jobs.add({ ...job, ...stored, owner: jobs.owner });
      if (kept.id === id) {
        this.start(kept);
        return kept;
      }
      upstream.budget.release(id); // another order with the key was stored meanwhile
      if (stored.image) await rm(stored.image.path, { force: true });
      return kept;
    } catch (error) {
      upstream.budget.release(id);
      throw error;
    }
  }

  /** Stores the first frame of an order, so that a restart during the submission has it. */
  async #keepImage(jobId: string, bytes: Uint8Array): Promise<NonNullable<RestJob['image']>> {
    const { filesDir } = this.#options;
    makeFolder(filesDir, 0o700);
    const path = join(filesDir, `${jobId}.first-frame`);
    await replaceFile(path, bytes, 0o600);
    return { path };
  }

  /** Starts processing a stored job. */
  start(job: RestJob): void {
    const { budget } = this.#options.upstream;
    if (job.videoId === null) budget.reserve(job.id, job.estimate?.micros ?? null);
    const stop = new AbortController();
    let settle = (): void => {};
    const submitted = new Promise<void>((resolve) => {
      settle = () => {
        this.#submitting.delete(job.id);
        resolve();
      };
    });
    this.#submitting.add(job.id);
    const ended = this.#work(job, stop.signal, settle).finally(() => {
      settle();
      this.#runs.delete(job.id);
      this.#progress.delete(job.id);
    });
    this.#runs.set(job.id, { stop, submitted, ended });
  }

  /** Those that belong to this server. */
  async resume(): Promise<void> {
    const { jobs, upstream, log } = this.#options;
    for (const job of await jobs.claimAbandoned()) {
      const isOurs = job.server.baseUrl === upstream.identity.baseUrl;
      const facts = { id: job.id, status: job.status, profile: job.server.profile };
      log('info', isOurs ? 'Video job resumed' : 'Video job skipped: it belongs to another profile', facts);
      if (isOurs) this.start(job);
    }
  }

  async remove(id: string): Promise<void> {
    const { jobs } = this.#options;
    const run = this.#runs.get(id);
    await run?.submitted; // until then it is unknown what there is to delete
    const job = jobs.find(id);
    if (job === undefined) return;
    if (job.videoId !== null) await removeVideo(this.#options.upstream, job, job.videoId);
    run?.stop.abort();
    await run?.ended;
    const { files, image } = jobs.find(id) ?? job; // a thumbnail may have been saved meanwhile
    await jobs.remove(id);
    const paths = [...files, ...(image === undefined ? [] : [image])].map(({ path }) => path);
    await Promise.all(paths.map((path) => rm(path, { force: true })));
  }

  async stop(): Promise<void> {
    const runs = [...this.#runs.values()];
    await Promise.all(runs.map(({ submitted }) => submitted));
    for (const { stop } of runs) stop.abort();
    await Promise.all(runs.map(({ ended }) => ended));
  }

  async #work(job: RestJob, signal: AbortSignal, onSubmitted: () => void): Promise<void> {
    const { log } = this.#options;
    let current = job;
    let isDownloading = false;
    const change = async (changes: Partial<RestJob>): Promise<void> => {
      current = { ...current, ...changes, updatedAtMs: this.#options.upstream.submitDeps.clock.now() };
      await this.#options.jobs.put(current);
    };
    try {
      const videoId = job.videoId ?? (await this.#submitObserved(job));
      if (job.videoId === null) {
        log('info', 'Job submitted to Sora API', { id: job.id, videoId }); // logged first: the job is paid, and the disk may be full
        await change({ status: 'processing', videoId });
      }
      onSubmitted();
      const video = await this.#wait(current, videoId, signal);
      const failure = failureOf(video);
      if (failure !== null) throw failure;
      isDownloading = true;
      const film = await this.#download(job, video, 'video', signal);
      await change({ status: 'completed', files: [film] });
      this.#observe({ kind: 'end', outcome: 'completed', ms: current.updatedAtMs - job.createdAtMs });
      log('info', 'Video completed', { id: job.id, videoId });
      // Optional: not every server has thumbnails.
      const poster = await this.#download(job, video, 'thumbnail', signal).catch(() => null);
      if (poster !== null) await change({ files: [film, poster] });
    } catch (error) {
      if (signal.aborted || error instanceof Interrupt) return; // the next run resumes it
      const diagnosis = diagnosisOf(error, this.#options.clean);
      if (isDownloading) this.#observe({ kind: 'download', bytes: null });
      this.#observe({
        kind: 'end',
        outcome: 'failed',
        ms: this.#options.upstream.submitDeps.clock.now() - job.createdAtMs,
      });
      const status = error instanceof SoraError ? error.status : null;
      log('error', 'Sora API response error', { id: job.id, ...diagnosis, status });
      // The upstream chose the address of the file, so its content is not shown to clients.
      const shown = isDownloading ? { ...diagnosis, causedBy: null } : diagnosis;
      await change({ status: 'failed', error: shown }).catch((reason: unknown) => {
        log('error', 'Could not store the failure', { id: job.id, reason: String(reason) });
      });
    }
  }

  async #submitObserved(job: RestJob): Promise<string> {
    const { isFree } = this.#options.upstream.budget.options;
    const estimatedMicros = isFree ? 0 : (job.estimate?.micros ?? null);
    try {
      const { videoId, outcome } = await this.#submit(job);
      this.#observe({ kind: 'submission', outcome, estimatedMicros });
      return videoId;
    } catch (error) {
      const isUnknown = error instanceof SoraError && error.code === 'outcome_unknown';
      this.#observe({ kind: 'submission', outcome: isUnknown ? 'unknown' : 'refused', estimatedMicros });
      throw error;
    }
  }

  /** Returns the server's id. A job that may have been sent before is searched for and never resent. */
  async #submit(job: RestJob): Promise<{ readonly videoId: string; readonly outcome: 'accepted' | 'attached' }> {
    const { upstream, log } = this.#options;
    const record = await submittedOrder(upstream, job.id);
    if (record?.answer === 'rejected' && !isCleared(record)) {
      throw new SoraError('job_failed', {
        title: 'the submission was refused',
        causedBy: record.refusal?.message ?? null,
      });
    }
    const { session, maxCostMicros, isFree } = upstream.budget.options;
    const order = {
      key: job.id,
      server: upstream.identity,
      request: await this.#requestOf(job),
      estimate: job.estimate,
      free: isFree,
      // Like a row of a manifest, a job has its video once, and counts towards the cap of this run.
      row: { batch: session, key: job.id, after: null, givesUp: null, maxCostMicros },
    };
    const submission = await submit(upstream.submitDeps, order).catch(async (error: unknown) => {
      const latest = record && (await submittedOrder(upstream, job.id));
      if (latest === undefined || !isCleared(latest)) throw error;
      return submit(upstream.submitDeps, order); // the submission of an earlier run never arrived
    });
    const { unrecorded } = submission;
    const videoId = submission.job?.id ?? submission.record.job?.id;
    if (unrecorded !== undefined) log('error', unrecorded.message, { id: job.id, videoId });
    if (videoId === undefined) throw new SoraError('outcome_unknown', { facts: { key: submission.record.key } });
    return { videoId, outcome: submission.kind === 'submitted' ? 'accepted' : 'attached' };
  }

  /** The request with its image. Throws the file system's error if the image is missing. */
  async #requestOf({ request, image }: RestJob): Promise<VideoRequest> {
    if (image === undefined) return request;
    const frame = firstFrame(await readFile(image.path));
    if (frame === null) throw new Error('the stored image of this job is damaged');
    return { ...request, image: frame.reference };
  }

  /** Records an event of a job, but continues if that fails: the video matters more. */
  async #note(job: RestJob, event: NotedEvent): Promise<void> {
    const { clock, ledger } = this.#options.upstream.submitDeps;
    const key = (await submittedOrder(this.#options.upstream, job.id))?.key;
    if (key !== undefined) await ledger.tryAppend({ ...event, key, atMs: clock.now() });
  }

  async #wait(job: RestJob, videoId: string, signal: AbortSignal): Promise<VideoJob> {
    const { upstream, random, log } = this.#options;
    const { clock } = upstream.submitDeps;
    let status = 'queued';
    for (;;) {
      const deadlineMs = clock.uptimeMs() + WAIT_MS;
      const order = { id: videoId, known: null, deadlineMs, signal };
      try {
        return await waitForJob({ client: upstream.singleShot, clock, random }, order, async (event) => {
          if (event.kind === 'trouble') return;
          const { job: video } = event;
          if (video.progress !== null) this.#progress.set(job.id, video.progress);
          if (video.status === status) return;
          status = video.status;
          await this.#note(job, { event: 'seen', job: factsOf(video) });
          if (!isTerminal(video.status)) log('info', 'Video job status', { id: job.id, videoId, status });
        });
      } catch (error) {
        if (!(error instanceof SoraError) || error.code !== 'wait_timeout') throw error;
      }
    }
  }

  async #download(
    job: RestJob,
    video: VideoJob,
    variant: Variant & keyof typeof EXTENSION,
    signal: AbortSignal,
  ): Promise<SavedFile> {
    const { upstream, filesDir } = this.#options;
    const { client, clock } = upstream.submitDeps;
    makeFolder(filesDir, 0o700);
    const file = await download(
      { client, clock, signal },
      {
        source: { id: video.id, content: video.content },
        variant,
        isCompleted: variant === 'video',
        path: join(filesDir, `${job.id}.${EXTENSION[variant]}`),
        isDefaultName: false,
        submission: job.id,
        force: true,
      },
    );
    await this.#note(job, { event: 'saved', file });
    this.#observe({ kind: 'download', bytes: file.bytes });
    return file;
  }
}
