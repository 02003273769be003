import pLimit from 'p-limit';
import type { Context } from '../../app/context.ts';
import type { FoundJob } from '../../app/known-jobs.ts';
import { extensionsOf, requireFinished } from '../../app/source-videos.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import type { ManifestFault } from '../../batch/manifest-reading.ts';
import type { StoredSource } from '../../batch/row-resolver.ts';
import { SoraError } from '../../domain/errors.ts';
import type { JobRecord } from '../../domain/record.ts';
import { summarize } from '../../domain/summary.ts';
import type { Derivation, VideoJob } from '../../domain/video.ts';

type SourcesDeps = Pick<Context, 'configuration' | 'host' | 'jobs' | 'ledger' | 'servers'>;

/** How many videos the server is asked for at a time. */
const LOOKS_AT_ONCE = 8;

/** What is a problem of the manifest; any other error ends the command. */
const ABOUT_THE_VIDEO: ReadonlySet<string> = new Set(['video_not_found', 'content_not_ready', 'usage']);

interface SeenVideo {
  readonly found: FoundJob;
  readonly job: VideoJob;
}

/** The videos of the server that rows start from. Asks the server once for each, and only for what the ledger does not know. */
export class RowSources {
  /** By name: what is known, or why the name cannot be used. */
  readonly videos = new Map<string, StoredSource | string>();
  /** By id: what the server has, or why it has nothing. */
  readonly #seen = new Map<string, Promise<SeenVideo | SoraError>>();
  readonly #deps: SourcesDeps;
  readonly #timeoutMs: number | null;
  readonly #limit = pLimit(LOOKS_AT_ONCE);

  /** Without a timeout the server is not asked, and nothing is known of videos that are not in the ledger. */
  constructor(deps: SourcesDeps, timeoutMs: number | null) {
    this.#deps = deps;
    this.#timeoutMs = timeoutMs;
  }

  async find(names: Iterable<string>): Promise<void> {
    const deadlineMs = this.#newDeadlineMs();
    await Promise.all(
      [...names].map(async (name) => {
        const found = this.#limit(() => this.#named(name, deadlineMs));
        this.videos.set(name, await found.catch((error: unknown) => asProblem(error).message));
      }),
    );
  }

  /** Problems that only matter to rows that are to be paid for: a source that is not there, or not finished. */
  async check(rows: readonly BatchRow[]): Promise<ManifestFault[]> {
    const deadlineMs = this.#newDeadlineMs();
    if (deadlineMs === null) return [];
    const faults = rows.map(async ({ line, request: { source } }): Promise<ManifestFault[]> => {
      if (source === undefined || source.operation === 'character' || source.operation === 'batch') return [];
      if (source.video.kind !== 'id') return [];
      const { id } = source.video;
      const problem = await this.#limit(() => this.#problemOf(id, source.operation, deadlineMs));
      if (problem === null) return [];
      const { message } = problem;
      return [{ line, message: message.includes(id) ? message : `\`${source.operation}: ${id}\`: ${message}` }];
    });
    return (await Promise.all(faults)).flat();
  }

  #newDeadlineMs(): number | null {
    return this.#timeoutMs === null ? null : this.#deps.host.clock.uptimeMs() + this.#timeoutMs;
  }

  async #named(name: string, deadlineMs: number | null): Promise<StoredSource> {
    const { jobs, configuration, ledger } = this.#deps;
    if (name === '@last') throw named('write its id: `@last` is another video in the next run');
    const record = await jobs.known(name);
    if (record === undefined) return deadlineMs === null ? unknownSource(name) : this.#onServer(name, deadlineMs);
    if (record.baseUrl !== configuration.baseUrl.value) throw named(`it belongs to profile ${record.profile}`);
    if (record.job === null) throw named(`${record.key} has no known video; run \`sora status ${record.key}\``);
    return sourceOf(record.job.id, summarize(record.profile, record, null), await extensionsOf(record, ledger));
  }

  async #onServer(name: string, deadlineMs: number): Promise<StoredSource> {
    const { jobs, servers } = this.#deps;
    const id = await jobs.idOn(await servers.current(), name, deadlineMs);
    const seen = await this.#look(id, deadlineMs);
    if (seen instanceof SoraError) return unknownSource(id);
    return sourceOf(id, summarize(seen.found.server.identity.profile, undefined, seen.job), 0);
  }

  async #problemOf(id: string, operation: Derivation, deadlineMs: number): Promise<SoraError | null> {
    const seen = await this.#look(id, deadlineMs);
    if (seen instanceof SoraError) return seen;
    try {
      requireFinished(seen.job, operation, seen.found);
      return null;
    } catch (error) {
      return asProblem(error);
    }
  }

  #look(id: string, deadlineMs: number): Promise<SeenVideo | SoraError> {
    const seen = this.#seen.get(id) ?? this.#ask(id, deadlineMs).catch(asProblem);
    this.#seen.set(id, seen);
    return seen;
  }

  async #ask(id: string, deadlineMs: number): Promise<SeenVideo> {
    const found = { id, server: await this.#deps.servers.current(), record: await this.#recordOf(id) };
    return { found, job: await this.#deps.jobs.look(found, deadlineMs) };
  }

  async #recordOf(id: string): Promise<JobRecord | undefined> {
    const { ledger, configuration } = this.#deps;
    return (await ledger.find(id)).find(({ baseUrl }) => baseUrl === configuration.baseUrl.value);
  }
}

function sourceOf(
  id: string,
  { model, seconds, size, prompt }: ReturnType<typeof summarize>,
  extensions: number,
): StoredSource {
  return { id, facts: { model, seconds, size, extensions }, prompt };
}

function unknownSource(id: string): StoredSource {
  return { id, facts: { model: null, seconds: null, size: null }, prompt: null };
}

function named(title: string): SoraError {
  return new SoraError('usage', { title });
}

/** The error, if it is about the video; throws any other. */
function asProblem(error: unknown): SoraError {
  if (error instanceof SoraError && ABOUT_THE_VIDEO.has(error.code)) return error;
  throw error;
}
