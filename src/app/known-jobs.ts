import { clientOf } from '../client/client-of.ts';
import type { VideosClient } from '../client/port.ts';
import { isMissing, withRetries } from '../client/retry.ts';
import { dayCapsOf } from '../configuration/configuration.ts';
import { SoraError, soraErrorOf } from '../domain/errors.ts';
import { forEach, type Outcomes } from '../domain/outcomes.ts';
import { factsOf, idOrKey, isOfServerBatch, isOfVideo, type JobRecord, type LedgerEvent } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import { type JobSummary, removedJob, summarize } from '../domain/summary.ts';
import type { VideoJob } from '../domain/video.ts';
import { recover } from '../jobs/recover.ts';
import { isStillThere } from '../jobs/saved-file.ts';
import { inDoubt } from '../jobs/submission-errors.ts';
import type { SubmitDeps } from '../jobs/submit.ts';
import type { JobsForm } from '../output/job-view.ts';
import { fateOf } from '../platform/process-identity.ts';
import { within } from '../platform/timeout.ts';
import type { Ledger } from '../store/ledger.ts';
import { idInList, recordNamed, scopeOf } from './job-names.ts';
import { type Server, type Servers, type ServersDeps, targetOption } from './servers.ts';

/** A job named on the command line: its server, and its ledger record if there is one. */
export interface FoundJob {
  readonly id: string;
  readonly server: Server;
  readonly record: JobRecord | undefined;
}

export interface KnownJobsDeps extends Pick<ServersDeps, 'host' | 'output' | 'configuration'> {
  readonly ledger: Ledger;
  readonly servers: Servers;
}

const NO_ANSWER = 'timed out before the server answered';
const WAIT_LONGER = 'run the same command again, with a longer `--timeout`';

/** The jobs that the ledger or a server knows: finds them, asks their servers, and records changes. */
export class KnownJobs {
  readonly #deps: KnownJobsDeps;

  constructor(deps: KnownJobsDeps) {
    this.#deps = deps;
  }

  /**
   * Finds a video by its id, its submission's key, a unique ending of either, or `@last`. Looks up an unanswered
   * submission on its server, until the deadline (in uptime).
   */
  async find(name: string, deadlineMs: number): Promise<FoundJob> {
    return this.#found(name, await this.known(name), deadlineMs);
  }

  /** The same, but it may be a character or a server-side batch. */
  async findAny(name: string, deadlineMs: number): Promise<FoundJob> {
    return this.#found(name, await recordNamed(name, this.#deps), deadlineMs);
  }

  async #found(name: string, record: JobRecord | undefined, deadlineMs: number): Promise<FoundJob> {
    const server = await this.#deps.servers.of(record);
    if (record === undefined) return { id: await this.idOn(server, name, deadlineMs), server, record };
    if (record.job !== null) return { id: record.job.id, server, record };
    if (record.answer === 'rejected') throw madeNothing(record);
    const deps = this.submitDeps(server, record.request.source?.operation);
    const recovery = await this.inTime(deadlineMs, null, (signal) => recover(deps, record, signal));
    switch (recovery.kind) {
      case 'found':
        return { id: recovery.record.job?.id ?? name, server, record: recovery.record };
      case 'closed':
        throw madeNothing(recovery.record);
      case 'unsearchable':
        throw inDoubt(record.key, `could not search the server’s list: ${recovery.error.message}`, []);
      case 'never-arrived':
        throw inDoubt(record.key, 'it is not in the server’s list', []);
      case 'missing':
        throw inDoubt(record.key, 'no job in the server’s list is certainly this one', recovery.candidates);
    }
  }

  /** What the ledger knows of the video behind a name; undefined for one that was created elsewhere. Throws as `find` does. */
  async known(name: string): Promise<JobRecord | undefined> {
    const record = await recordNamed(name, this.#deps);
    if (record !== undefined && !isOfVideo(record)) throw notVideo(record);
    return record;
  }

  /** The id on a server of a job that the ledger does not know. An ending is looked up in the server's list. */
  idOn({ client }: Server, name: string, deadlineMs: number): Promise<string> {
    return this.inTime(deadlineMs, null, (signal) => idInList(name, client, signal));
  }

  /** Makes calls until a deadline, by the uptime; then throws `wait_timeout`. */
  inTime<T>(deadlineMs: number, jobId: string | null, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, interrupt } = this.#deps.host;
    const lateness = (): SoraError => new SoraError('wait_timeout', { title: NO_ANSWER, jobId, hints: [WAIT_LONGER] });
    return within({ clock, ms: Math.max(0, deadlineMs - clock.uptimeMs()), lateness, signal: interrupt }, call);
  }

  /** Whether commands without an id act on a record: it belongs to the server in use. */
  scope(): Promise<(record: JobRecord) => boolean> {
    return scopeOf(this.#deps);
  }

  /** The same for several; one that is not found does not affect the others. */
  findAll(names: readonly string[], deadlineMs: number): Promise<Outcomes<FoundJob>> {
    return forEach(names, (name) => this.find(name, deadlineMs));
  }

  /**
   * Finds the jobs of all unfinished submissions to the server in use, by default those of videos. One whose outcome is
   * unknown is left out with a note: it would fail every such command until a person resolves it.
   */
  async findUnfinished(
    deadlineMs: number,
    isWanted: (record: JobRecord) => boolean = isOfVideo,
  ): Promise<Outcomes<FoundJob>> {
    const { ledger, output } = this.#deps;
    const isInScope = await this.scope();
    const open = (await ledger.open()).filter((record) => isWanted(record) && isInScope(record));
    const { values, errors } = await forEach(open, ({ key }) => this.findAny(key, deadlineMs));
    const unresolved = errors.filter(({ code }) => code === 'outcome_unknown');
    for (const { message, submission } of unresolved) {
      output.note(`${submission}: ${message}; run \`sora status ${submission}\` to see what to do about it`);
    }
    const isWithdrawn = (error: SoraError): boolean => error.code === 'video_not_found' && error.jobId === null;
    return { values, errors: errors.filter((error) => !unresolved.includes(error) && !isWithdrawn(error)) };
  }

  /**
   * Asks the server for a job and records changes. A job that was cancelled is known to have ended, although its
   * server may no longer have it. With `exists` the server is asked again after a 404. Throws `video_not_found` for a video
   * that was deleted, and `wait_timeout` as `find` does.
   */
  async look(found: FoundJob, deadlineMs: number, exists = Boolean(found.record?.job)): Promise<VideoJob> {
    const { id, server, record } = found;
    const removed = await this.#removedAs(found);
    if (removed !== null) return removed;
    try {
      const client = this.clientOf(server, record?.request.source?.operation);
      const job = await this.inTime(deadlineMs, id, (signal) => client.get(id, { signal, exists }));
      if (record?.job?.status !== job.status) await this.record(record, job);
      return job;
    } catch (error) {
      const removedNow = isMissing(error) ? await this.#removedAs(found) : null; // by another process
      if (removedNow !== null) return removedNow;
      const isSameServer = record?.baseUrl === server.identity.baseUrl; // then only the route can be missing
      if (!isSameServer) throw error;
      throw withoutRoute(error, 'the server has no call to read this job', [
        'run `sora list --local` to see what the ledger has recorded',
      ]);
    }
  }

  /** A job that the ledger knows to be removed, as it is shown; null for any other. Throws `video_not_found` if it was deleted. */
  async #removedAs({ id, record }: FoundJob): Promise<VideoJob | null> {
    const removed = await this.removedJob(record);
    const isBatch = record !== undefined && isOfServerBatch(record); // replaced by its rows
    const isShown = isBatch || removed?.status === 'cancelled';
    if (removed === null || isShown) return removed;
    throw deletedVideo(id);
  }

  /** The job of a record that was cancelled or deleted, by this or another process; otherwise null. */
  async removedJob(record: JobRecord | undefined): Promise<VideoJob | null> {
    return removedJob(record && (await this.#deps.ledger.byKey(record.key)));
  }

  /** Records a server's report of a job. A job created elsewhere gets no record. */
  async record(record: JobRecord | undefined, job: VideoJob): Promise<void> {
    if (record === undefined) return;
    await this.#write({ event: 'seen', key: record.key, atMs: this.#deps.host.clock.now(), job: factsOf(job) });
  }

  /** Deletes a video from its server and records that. Throws `not_supported` if it was kept, and as `find` does. */
  async delete({ id, server, record }: FoundJob, deadlineMs: number): Promise<void> {
    const removal = this.inTime(deadlineMs, id, (signal) => server.client.remove(id, { signal, exists: true }));
    const isGone = await removal.catch((error: unknown) => {
      throw withoutRoute(error, 'the server cannot delete videos');
    });
    if (!isGone) {
      throw new SoraError('not_supported', {
        title: 'the server kept the video',
        jobId: id,
        hints: [`run \`${commandAbout(id, 'sora status', targetOption(server.identity))}\` to see it`],
      });
    }
    await this.recordRemoval(record);
  }

  /** Records that a video is gone from its server. */
  async recordRemoval(record: JobRecord | undefined): Promise<void> {
    if (record === undefined) return;
    await this.#write({ event: 'removed', key: record.key, atMs: this.#deps.host.clock.now() });
  }

  /** The server has already acted, so the command continues even if the ledger cannot be written. */
  async #write(event: LedgerEvent): Promise<void> {
    const { ledger, output } = this.#deps;
    const unwritten = await ledger.tryAppend(event);
    if (unwritten !== null) output.note(`${unwritten.message}: ${unwritten.causedBy}`);
  }

  /** The current state of a job from its server, the ledger and the disk. */
  async summarize({ server, record }: FoundJob, job: VideoJob | null): Promise<JobSummary> {
    return summaryOf(server.identity.profile, record && (await this.#deps.ledger.byKey(record.key)), job);
  }

  /** How lists of jobs are shown now. */
  form(): Pick<JobsForm, 'nowMs' | 'shorten'> {
    const { host, ledger } = this.#deps;
    return { nowMs: host.clock.now(), shorten: (ids) => ledger.shortIds(ids) };
  }

  /** The current state of a record’s job; the last known one, with a note, if the server does not answer. */
  async refresh(record: JobRecord, deadlineMs: number): Promise<JobSummary> {
    try {
      const found = await this.findAny(record.key, deadlineMs);
      return await this.summarize(found, await this.look(found, deadlineMs, false));
    } catch (error) {
      const { causedBy, message } = soraErrorOf(error);
      const { output, ledger } = this.#deps;
      output.note(`${await ledger.shortId(idOrKey(record))}: could not refresh it: ${causedBy ?? message}`);
      return summaryOf(record.profile, record, null);
    }
  }

  /** What a submission to a server needs: of a video, unless it is for a character or a batch. */
  submitDeps(server: Server, operation?: string): SubmitDeps {
    const { host, ledger, output } = this.#deps;
    const { clock, randomBytes, self, interrupt } = host;
    const { configuration } = server;
    return {
      client: this.clientOf(server, operation),
      server: server.identity,
      free: configuration.isSimulator,
      ledger,
      clock,
      randomBytes,
      self,
      fateOf,
      hasCompleteList: configuration.hasCompleteList,
      signal: interrupt,
      onNews: (news) => output.news(news),
      onNotice: (notice) => output.note(notice),
      user: configuration.user?.value ?? null,
      dayCaps: dayCapsOf(configuration),
    };
  }

  /** The client for what a submission created: a video, a character or a batch. */
  clientOf(server: Server, operation: string | undefined): VideosClient {
    return withRetries(this.singleShotOf(server, operation), server.retries);
  }

  /** The same without retries, for loops that retry on their own. */
  singleShotOf({ singleShot, direct }: Server, operation: string | undefined): VideosClient {
    return clientOf(singleShot, operation, direct);
  }
}

function notVideo(record: JobRecord): SoraError {
  const id = idOrKey(record);
  const [kind, command] = isOfServerBatch(record)
    ? ['a server-side batch', 'sora status']
    : ['a character', 'sora character show'];
  return new SoraError('usage', {
    title: `${id} is ${kind}, not a video`,
    jobId: id,
    hints: [`run \`${commandAbout(id, command, targetOption(record))}\` to see it`],
  });
}

/** A submission that ended without a job: withdrawn, refused or abandoned. */
function madeNothing({ key, refusal }: JobRecord): SoraError {
  return new SoraError('video_not_found', {
    title: `${key} has no job`,
    causedBy: refusal?.message ?? null,
    submission: key,
  });
}

/** A job with those of its saved files that still exist. */
export function summaryOf(profile: string, record: JobRecord | undefined, job: VideoJob | null): JobSummary {
  const summary = summarize(profile, record, job);
  const files = summary.files.filter(isStillThere);
  return { ...summary, files };
}

/** The error for a video that is known to be gone. */
export function deletedVideo(id: string): SoraError {
  return new SoraError('video_not_found', {
    title: 'this video was deleted from the server',
    jobId: id,
    hints: ['run `sora list --local` to see what is left'],
  });
}

/** The video is known to be on this server, so a 404 of the route means that the server has no such call. */
function withoutRoute(error: unknown, title: string, hints?: readonly string[]): unknown {
  if (!(error instanceof SoraError) || error.code !== 'endpoint_not_found') return error;
  return error.as('not_supported', { title, ...(hints && { hints }) });
}
