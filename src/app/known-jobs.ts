import { clientOf } from '../client/client-of.ts';
import type { VideosClient } from '../client/port.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { SoraError } from '../domain/errors.ts';
import { forEach, type Outcomes } from '../domain/outcomes.ts';
import { factsOf, isOfServerBatch, isOfVideo, type JobRecord, type LedgerEvent, statusOf } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import { looksWhole, MIN_ENDING } from '../domain/short-id.ts';
import { type JobSummary, lastKnownJob, summarize } from '../domain/summary.ts';
import type { VideoJob } from '../domain/video.ts';
import { recover } from '../jobs/recover.ts';
import { isStillThere } from '../jobs/saved-file.ts';
import { inDoubt } from '../jobs/submission-errors.ts';
import type { SubmitDeps } from '../jobs/submit.ts';
import type { JobsForm } from '../output/job-view.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import { fateOf } from '../platform/process-identity.ts';
import type { Ledger } from '../store/ledger.ts';
import { type Server, type Servers, targetOption } from './servers.ts';

/** A job named on the command line: its server, and its ledger record if there is one. */
export interface FoundJob {
  readonly id: string;
  readonly server: Server;
  readonly record: JobRecord | undefined;
}

export interface KnownJobsDeps {
  readonly host: Host;
  readonly output: Output;
  readonly ledger: Ledger;
  readonly configuration: Configuration;
  readonly servers: Servers;
}

const LAST = '@last';
/** How many jobs of a server are searched for the ending of an id. */
const NEWEST_LISTED = 100;
const MOST_CANDIDATES = 20;

/** The jobs that the ledger or a server knows: finds them, asks their servers, and records changes. */
export class KnownJobs {
  readonly #deps: KnownJobsDeps;

  constructor(deps: KnownJobsDeps) {
    this.#deps = deps;
  }

  /**
   * Finds the video behind an id, a submission's key, the unique ending of one of them, or `@last`. A submission without
   * an answer is looked up on its server. Throws `video_not_found` or `outcome_unknown`, and `usage` for an ambiguous
   * ending and for what is no video.
   */
  async find(name: string): Promise<FoundJob> {
    return this.#found(name, await this.known(name));
  }

  /** The same, but it may be a character or a server-side batch. */
  async findAny(name: string): Promise<FoundJob> {
    return this.#found(name, await this.#recordOf(name));
  }

  async #found(name: string, record: JobRecord | undefined): Promise<FoundJob> {
    const { servers, host } = this.#deps;
    const server = await servers.of(record);
    if (record === undefined) return { id: await this.idOn(server, name), server, record };
    if (record.job !== null) return { id: record.job.id, server, record };
    if (record.answer === 'rejected') throw madeNothing(record);
    const deps = { ...this.submitDeps(server), client: this.clientOf(server, record.request.source?.operation) };
    const recovery = await recover(deps, record, host.interrupt);
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
    const record = await this.#recordOf(name);
    if (record !== undefined && !isOfVideo(record)) throw notVideo(record);
    return record;
  }

  #recordOf(name: string): Promise<JobRecord | undefined> {
    return name === LAST ? this.#lastRecord() : this.#recordNamed(name);
  }

  /** The same for several; one that is not found does not affect the others. */
  findAll(names: readonly string[]): Promise<Outcomes<FoundJob>> {
    return forEach(names, (name) => this.find(name));
  }

  /**
   * Finds the jobs of all unfinished submissions to the server in use: those of videos, if nothing else is wanted. Those whose outcome is unknown are left out with a
   * note: they would fail every such command until a person resolves them.
   */
  async findUnfinished(isWanted: (record: JobRecord) => boolean = isOfVideo): Promise<Outcomes<FoundJob>> {
    const { ledger, output } = this.#deps;
    const isInScope = await this.scope();
    const open = (await ledger.open()).filter((record) => isWanted(record) && isInScope(record));
    const { values, errors } = await forEach(open, ({ key }) => this.findAny(key));
    const unresolved = errors.filter(({ code }) => code === 'outcome_unknown');
    for (const { message, submission } of unresolved) {
      output.note(`${submission}: ${message}; run \`sora status ${submission}\` to see what to do about it`);
    }
    const isWithdrawn = (error: SoraError): boolean => error.code === 'video_not_found' && error.jobId === null;
    return { values, errors: errors.filter((error) => !unresolved.includes(error) && !isWithdrawn(error)) };
  }

  /**
   * Asks the server for a job and records changes. A job that was cancelled is known to have ended, although its
   * server may no longer have it. Throws `video_not_found` for a video that was deleted.
   */
  async look(found: FoundJob): Promise<VideoJob> {
    const { id, server, record } = found;
    const removed = await this.removedJob(record);
    if (removed?.status === 'cancelled') return removed;
    if (removed !== null && record !== undefined && isOfServerBatch(record)) return removed; // its rows stand for it
    if (removed !== null) throw deletedVideo(id);
    try {
      const job = await this.clientOf(server, record?.request.source?.operation).get(id, {
        signal: this.#deps.host.interrupt,
      });
      if (record?.job?.status !== job.status) await this.record(record, job);
      return job;
    } catch (error) {
      const isSameServer = record?.baseUrl === server.identity.baseUrl; // then only the route can be missing
      if (!isSameServer) throw error;
      throw withoutRoute(error, 'the server has no call to read this job', [
        'run `sora list --local` to see what the ledger has recorded',
      ]);
    }
  }

  /** The job of a record that was cancelled or deleted, by this or another process; otherwise null. */
  async removedJob(record: JobRecord | undefined): Promise<VideoJob | null> {
    const latest = record && (await this.#deps.ledger.byKey(record.key));
    return latest?.removed ? lastKnownJob(latest) : null;
  }

  /**
   * Whether commands without an id act on a record: it belongs to the server in use. If no server was ever chosen and
   * the default one has no jobs, all records count.
   */
  async scope(): Promise<(record: JobRecord) => boolean> {
    const { ledger, configuration } = this.#deps;
    const { value: address, origin } = configuration.baseUrl;
    const isOfServer = ({ baseUrl }: JobRecord): boolean => baseUrl === address;
    if (origin !== 'default') return isOfServer;
    return (await ledger.newest(1, isOfServer)).length === 0 ? () => true : isOfServer;
  }

  /** Records a server's report of a job. A job created elsewhere gets no record. */
  async record(record: JobRecord | undefined, job: VideoJob): Promise<void> {
    if (record === undefined) return;
    await this.#write({ event: 'seen', key: record.key, atMs: this.#deps.host.clock.now(), job: factsOf(job) });
  }

  /** Deletes a video from its server and records that. Throws `not_supported` if the server reports that it kept it. */
  async delete({ id, server, record }: FoundJob): Promise<void> {
    const isGone = await server.client.remove(id, { signal: this.#deps.host.interrupt }).catch((error: unknown) => {
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

  /** The server has acted already, so an unwritable ledger does not end the command. */
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
  async refresh(record: JobRecord): Promise<JobSummary> {
    try {
      const found = await this.findAny(record.key);
      return await this.summarize(found, await this.look(found));
    } catch (error) {
      if (!(error instanceof SoraError)) throw error;
      const why = error.causedBy ?? error.message;
      const { output, ledger } = this.#deps;
      output.note(`${await ledger.shortId(nameOf(record))}: could not refresh it: ${why}`);
      return summaryOf(record.profile, record, null);
    }
  }

  /** What a submission to a server needs. */
  submitDeps({ client, configuration }: Server): SubmitDeps {
    const { host, ledger, output } = this.#deps;
    const { clock, randomBytes, self, interrupt } = host;
    return {
      client,
      ledger,
      clock,
      randomBytes,
      self,
      fateOf,
      hasCompleteList: configuration.hasCompleteList,
      signal: interrupt,
      onNews: (news) => output.news(news),
      onNotice: (notice) => output.note(notice),
      cappedProfile: configuration.maxCostPerDayProfile,
      user: configuration.user?.value ?? null,
      userCap: userCapOf(configuration),
    };
  }

  /** The client that reads what a submission created, which may be no video. */
  clientOf(
    { client, transport, identity }: Pick<Server, 'client' | 'transport' | 'identity'>,
    operation: string | undefined,
  ): VideosClient {
    return clientOf(client, operation, { transport, profile: identity.profile, now: this.#deps.host.clock.now });
  }

  /** The newest job of the server in use, even if it was cancelled or deleted. */
  async #lastRecord(): Promise<JobRecord> {
    const isInScope = await this.scope();
    const [last] = await this.#deps.ledger.newest(
      1,
      (record) => record.answer !== 'rejected' && isOfVideo(record) && isInScope(record),
    );
    if (last === undefined) {
      const { value: profile } = this.#deps.configuration.profile;
      throw new SoraError('video_not_found', {
        title: `the ledger has no job of profile ${profile}`,
        hints: ['run `sora list --local --all-profiles` to see the jobs of all profiles'],
      });
    }
    return last;
  }

  /** The same id may exist on two servers; the one in use comes first. Throws `usage` for the ending of several. */
  async #recordNamed(name: string): Promise<JobRecord | undefined> {
    const { ledger, configuration } = this.#deps;
    const inUse = (records: readonly JobRecord[]): readonly JobRecord[] => {
      const own = records.filter(({ baseUrl }) => baseUrl === configuration.baseUrl.value);
      return own.length > 0 ? own : records;
    };
    const [exact] = inUse(await ledger.find(name));
    if (exact !== undefined || name.length < MIN_ENDING) return exact;
    const ending = inUse(await ledger.byEnding(name));
    const ids = [...new Set(ending.map(nameOf))];
    if (ids.length < 2) return ending[0];
    const named = await ledger.shortIds(ids);
    throw ambiguous(
      name,
      ids.map((id, at) => {
        const record = ending.find((candidate) => nameOf(candidate) === id);
        return `${named[at]}: ${record?.request.prompt} (${record && statusOf(record)})`;
      }),
    );
  }

  /** The id on a server of a job that the ledger does not know. An ending is looked up in the list that showed it. */
  async idOn({ client }: Server, name: string): Promise<string> {
    if (looksWhole(name)) return name;
    try {
      const { jobs } = await client.list(
        { limit: NEWEST_LISTED, order: 'desc' },
        { signal: this.#deps.host.interrupt },
      );
      const found = jobs.filter(({ id }) => id.endsWith(name));
      if (found.length > 1 && !found.some(({ id }) => id === name)) {
        throw ambiguous(
          name,
          found.map(({ id, prompt, status }) => `${id}: ${prompt ?? ''} (${status})`),
        );
      }
      if (found[0] !== undefined) return found.length === 1 ? found[0].id : name;
    } catch (error) {
      const isWithoutList = error instanceof SoraError && ['not_supported', 'endpoint_not_found'].includes(error.code);
      if (isWithoutList) return name;
      throw error;
    }
    throw new SoraError('video_not_found', {
      title: `no job is named \`${name}\`, and none has an id that ends with it`,
      hints: ['run `sora list` to see the ids', 'give the whole id of an older job that was created elsewhere'],
    });
  }
}

function userCapOf(configuration: Configuration): NonNullable<SubmitDeps['userCap']> | null {
  const { maxCostPerDayPerUserMicros: cap, maxCostPerDayPerUserProfile: profile } = configuration;
  return cap && { capMicros: cap.value, profile };
}

/** The server's id of a record, or else its key. */
function nameOf({ key, job }: JobRecord): string {
  return job?.id ?? key;
}

function ambiguous(ending: string, candidates: readonly string[]): SoraError {
  return new SoraError('usage', {
    title: `\`${ending}\` is the ending of ${candidates.length} ids`,
    violations: candidates.slice(0, MOST_CANDIDATES),
    hints: ['give more characters of the id'],
  });
}

function notVideo(record: JobRecord): SoraError {
  const id = nameOf(record);
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
    title: `${key} created no video`,
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
  const { causedBy, status, requestId } = error;
  return new SoraError('not_supported', { title, causedBy, status, requestId, ...(hints && { hints }) });
}
