import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { failureOf } from '../domain/job-failure.ts';
import { factsOf, type JobRecord, type SavedFile } from '../domain/record.ts';
import { isTerminal, type VideoJob, type VideoRequest } from '../domain/video.ts';
import { isCleared } from '../jobs/objection.ts';
import { save } from '../jobs/save.ts';
import { submit } from '../jobs/submit.ts';
import { waitForJob } from '../jobs/wait.ts';
import { isUnwritable } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { Interrupt } from '../platform/host.ts';
import { diagnosisOf } from './rest-error.ts';
import { isUnfinished, type RestJob } from './rest-job.ts';
import type { RestJobStore } from './rest-job-store.ts';
import type { RestDeps } from './rest-routes.ts';
import type { JobEvent } from './service-metrics.ts';
import { submittedOrder } from './upstream.ts';
import { firstFrame } from './video-order.ts';

/** A job has all the time that its server takes. */
const NO_DEADLINE_MS = Number.POSITIVE_INFINITY;
/** Between two attempts to write. */
const RETRY_MS = 10_000;
const EXTENSION = { video: 'mp4', thumbnail: 'webp' } as const;

export interface JobRunOptions extends Pick<RestDeps, 'upstream' | 'objects' | 'log' | 'clean'> {
  readonly jobs: RestJobStore;
  /** The folder for the files of finished videos. */
  readonly filesDir: string;
  /** 0 to 1. */
  readonly random: () => number;
}

/** One job in the background: submitted once, waited for and downloaded. */
export class JobRun {
  readonly ended: Promise<void>;
  readonly #options: JobRunOptions;
  readonly #observe: (event: JobEvent) => void;
  readonly #stop = new AbortController();
  #job: RestJob;
  #isStored = true;
  #submission: Promise<string> | null = null;
  #isDownloading = false;
  #progress: number | null = null;

  /** Starts at once. */
  constructor(job: RestJob, options: JobRunOptions, observe: (event: JobEvent) => void) {
    this.#job = job;
    this.#options = options;
    this.#observe = observe;
    this.ended = this.#work();
  }

  get isSubmitting(): boolean {
    return this.#submission !== null;
  }

  /** Resolves when no create is being sent, and the id of its video is stored, unless either failed. */
  get submitted(): Promise<unknown> {
    return Promise.allSettled([this.#submission]);
  }

  /** 0 to 100, as last reported by the server; null if it reports none. */
  get progress(): number | null {
    return this.#progress;
  }

  /** Ends this process's work on the job, which keeps running on its server. */
  stop(): void {
    this.#stop.abort();
  }

  /** Tries again what a full disk prevents: its video may be paid for already. */
  async #work(): Promise<void> {
    const { log, upstream } = this.#options;
    const { signal } = this.#stop;
    const { id } = this.#job;
    for (;;) {
      const trouble = await this.#attempt().catch((error: unknown) => error);
      if (trouble === undefined || signal.aborted || trouble instanceof Interrupt) return; // the next run resumes it
      log('error', 'Could not write; retrying', { id, reason: messageOf(trouble) });
      await upstream.clock.sleep(RETRY_MS, signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  /** Rejects with `cannot_write`, or when it is stopped. */
  async #attempt(): Promise<void> {
    if (!this.#isStored) await this.#store();
    if (!isUnfinished(this.#job)) return;
    try {
      await this.#produce();
    } catch (error) {
      if (this.#stop.signal.aborted || error instanceof Interrupt || couldNotWrite(error)) throw error;
      await this.#fail(error);
    }
  }

  async #produce(): Promise<void> {
    const { log } = this.#options;
    const { id } = this.#job;
    const videoId = this.#job.videoId ?? (await this.#submitOnce());
    const video = await this.#wait(videoId);
    const failure = failureOf(video);
    if (failure !== null) throw failure;
    this.#isDownloading = true;
    const film = await this.#save(video, 'video');
    await this.#change({ status: 'completed', files: [film] });
    this.#observeEnd('completed');
    log('info', 'Video completed', { id, videoId });
    // Optional: not every server has thumbnails.
    const poster = await this.#save(video, 'thumbnail').catch(() => null);
    if (poster !== null) await this.#change({ files: [film, poster] });
  }

  async #fail(error: unknown): Promise<void> {
    const { log, clean } = this.#options;
    const { id } = this.#job;
    const diagnosis = diagnosisOf(error, clean);
    if (this.#isDownloading) this.#observe({ kind: 'download', bytes: null });
    this.#observeEnd('failed');
    log('error', 'Sora API response error', {
      id,
      ...diagnosis,
      status: error instanceof SoraError ? error.status : null,
    });
    // The upstream chose the address of the file, so its content is not shown to clients.
    const shown = this.#isDownloading ? { ...diagnosis, causedBy: null } : diagnosis;
    await this.#change({ status: 'failed', error: shown });
  }

  async #change(changes: Partial<RestJob>): Promise<void> {
    this.#job = { ...this.#job, ...changes, updatedAtMs: this.#options.upstream.clock.now() };
    this.#isStored = false;
    await this.#store();
  }

  /** Rejects with `cannot_write`. */
  async #store(): Promise<void> {
    try {
      await this.#options.jobs.put(this.#job);
    } catch (cause) {
      throw new SoraError('cannot_write', { causedBy: messageOf(cause), cause });
    }
    this.#isStored = true;
  }

  #observeEnd(outcome: 'completed' | 'failed'): void {
    const nowMs = this.#options.upstream.clock.now();
    this.#observe({ kind: 'end', outcome, ms: nowMs - this.#job.createdAtMs });
  }

  #submitOnce(): Promise<string> {
    this.#submission = this.#submitAndStore().finally(() => {
      this.#submission = null;
    });
    return this.#submission;
  }

  async #submitAndStore(): Promise<string> {
    const { upstream, log } = this.#options;
    const { id, estimate } = this.#job;
    const estimatedMicros = upstream.free ? 0 : (estimate?.micros ?? null);
    const { videoId, outcome } = await this.#submit().catch((error: unknown) => {
      const isUnknown = error instanceof SoraError && error.code === 'outcome_unknown';
      this.#observe({ kind: 'submission', outcome: isUnknown ? 'unknown' : 'refused', estimatedMicros });
      throw error;
    });
    this.#observe({ kind: 'submission', outcome, estimatedMicros });
    // Logged first: the job is paid, and the disk may be full.
    log('info', 'Job submitted to Sora API', { id, videoId });
    await this.#change({ status: 'processing', videoId });
    return videoId;
  }

  /** Returns the server's id. A job that may have been sent before is searched for and never resent. */
  async #submit(): Promise<{ readonly videoId: string; readonly outcome: 'accepted' | 'attached' }> {
    const { upstream, log } = this.#options;
    const { id, estimate } = this.#job;
    const record = await submittedOrder(upstream, id);
    if (record?.answer === 'rejected' && !isCleared(record)) {
      throw new SoraError('job_failed', {
        title: 'the submission was refused',
        causedBy: record.refusal?.message ?? null,
      });
    }
    const { session, maxCostMicros } = upstream.budget.options;
    const order = {
      key: id,
      request: await this.#request(),
      estimate,
      savesFile: true,
      // Like a row of a manifest, a job has its video once, and counts towards the cap of this run.
      row: { batch: session, key: id, after: null, givesUp: null, isUnderWay: true, maxCostMicros },
    };
    const submission = await submit(upstream, order).catch(async (error: unknown) => {
      const latest = record && (await submittedOrder(upstream, id));
      if (latest === undefined || !isCleared(latest)) throw error;
      return submit(upstream, order); // the submission of an earlier run never arrived
    });
    const { unrecorded } = submission;
    const videoId = submission.record.job?.id;
    if (unrecorded !== undefined) log('error', unrecorded.message, { id, videoId });
    if (videoId === undefined) throw new SoraError('outcome_unknown', { facts: { key: submission.record.key } });
    return { videoId, outcome: submission.kind === 'submitted' ? 'accepted' : 'attached' };
  }

  /** The request with its image. Throws the file system's error if the image is missing. */
  async #request(): Promise<VideoRequest> {
    const { request, image } = this.#job;
    if (image === undefined) return request;
    const frame = firstFrame(await readFile(image.path));
    if (frame === null) throw new Error('the stored image of this job is damaged');
    return { ...request, image: frame.reference };
  }

  async #wait(videoId: string): Promise<VideoJob> {
    const { upstream, random, log } = this.#options;
    const { singleShot: client, clock, ledger } = upstream;
    const { id } = this.#job;
    const latest = (): Promise<JobRecord | undefined> => submittedOrder(upstream, id);
    const order = { id: videoId, known: null, deadlineMs: NO_DEADLINE_MS, latest, signal: this.#stop.signal };
    let status = 'queued';
    return waitForJob({ client, clock, random }, order, async (event) => {
      if (event.kind === 'trouble') return;
      const { job: video } = event;
      if (video.progress !== null) this.#progress = video.progress;
      if (video.status === status) return;
      status = video.status;
      const key = (await latest())?.key;
      // The wait continues if that cannot be recorded: the video matters more.
      if (key !== undefined) await ledger.tryAppend({ event: 'seen', key, atMs: clock.now(), job: factsOf(video) });
      if (!isTerminal(video.status)) log('info', 'Video job status', { id, videoId, status });
    });
  }

  async #save(job: VideoJob, variant: keyof typeof EXTENSION): Promise<SavedFile> {
    const { upstream, objects, filesDir } = this.#options;
    const { id } = this.#job;
    makeFolder(filesDir, 0o700);
    const record = await submittedOrder(upstream, id);
    const destination = { kind: 'file', path: join(filesDir, `${id}.${EXTENSION[variant]}`) } as const;
    const wanted = { destination, variants: [variant], optional: ['thumbnail'], force: true } as const;
    const deps = { ...upstream, objects, signal: this.#stop.signal };
    const { files, errors } = await save(deps, { ...wanted, job, record, deadlineMs: NO_DEADLINE_MS });
    const [file] = files;
    if (file === undefined) throw errors[0];
    this.#observe({ kind: 'download', bytes: file.bytes });
    return file;
  }
}

/** Whether something could not be written here, which says nothing about the video. */
function couldNotWrite(error: unknown): boolean {
  return (error instanceof SoraError && error.code === 'cannot_write') || isUnwritable(error);
}
