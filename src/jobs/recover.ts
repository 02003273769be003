import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { factsOf, isOpen, type JobRecord, type RecordedRequest } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ledger } from '../store/ledger.ts';

const PAGE_SIZE = 100;
const MAX_PAGES = 20;
/** How far a server's clock may be off from ours. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** How long after it was sent a request may still turn into a job. */
const LATE_ARRIVAL_MS = 15 * 60_000;
/** How long the answer to a create may take while its process lives; then it counts as lost. */
const ANSWER_TIMEOUT_MS = 10 * 60_000;

export interface RecoverDeps {
  readonly client: VideosClient;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly isProcessAlive: (pid: number) => boolean;
}

export type Recovery =
  /** `job` is null when it was in the ledger by now. */
  | { readonly kind: 'found'; readonly record: JobRecord; readonly job: VideoJob | null }
  /** `isProven`: the create never arrived, for the list would have its job. */
  | { readonly kind: 'missing'; readonly isProven: boolean }
  /** The server has no list, or does not answer. */
  | { readonly kind: 'unsearchable'; readonly error: SoraError };

/**
 * Looks through the server's list for the job of a submission whose answer was
 * lost, and ties it to its record. A job fits when it has the prompt, nothing of
 * it contradicts the request, its time fits, and no other record has it.
 */
export async function recover(deps: RecoverDeps, lost: JobRecord, signal?: AbortSignal): Promise<Recovery> {
  const { ledger, client, clock } = deps;
  try {
    const known = ledger.byKey(lost.key); // another process may have found it
    if (known?.answer === 'accepted') return { kind: 'found', record: known, job: null };
    const search = new Search(deps, lost);
    await search.readList(client, signal);
    const job = search.findJob();
    if (job === undefined) return { kind: 'missing', isProven: search.isProof() };
    await ledger.append({ event: 'accepted', key: lost.key, atMs: clock.now(), job: factsOf(job) });
    const record = ledger.byKey(lost.key);
    return record ? { kind: 'found', record, job } : { kind: 'missing', isProven: false };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SoraError) return { kind: 'unsearchable', error };
    throw error;
  }
}

/** Whether the answer to a submission may still come to the process that sent it. */
export function isInFlight(
  { answer, pid, submittedAtMs }: JobRecord,
  { clock, isProcessAlive }: Pick<RecoverDeps, 'clock' | 'isProcessAlive'>,
): boolean {
  return answer === 'pending' && clock.now() < submittedAtMs + ANSWER_TIMEOUT_MS && isProcessAlive(pid);
}

/** One reading of a server's list, for one lost submission. */
class Search {
  readonly #deps: RecoverDeps;
  readonly #lost: JobRecord;
  readonly #jobs: VideoJob[] = [];
  /** Whether the list was read to its end, or far enough. */
  #isWhole = false;

  constructor(deps: RecoverDeps, lost: JobRecord) {
    this.#deps = deps;
    this.#lost = lost;
  }

  /** Reads as far back as the job can be, and for a row as far as it takes to believe that it is not there. */
  async readList(client: VideosClient, signal: AbortSignal | undefined): Promise<void> {
    let after: string | undefined;
    for (let pages = 0; pages < MAX_PAGES && !this.#isWhole; pages++) {
      const query = { limit: PAGE_SIZE, order: 'desc' as const, ...(after === undefined ? {} : { after }) };
      const page = await client.list(query, signal === undefined ? {} : { signal });
      this.#jobs.push(...page.jobs);
      this.#isWhole = page.next === null || this.#isReadFarEnough();
      after = page.next ?? undefined;
    }
  }

  /** It begins with the newest, has come to what is too old, and has the job or, of a row, what proves its absence. */
  #isReadFarEnough(): boolean {
    const { submittedAtMs, row } = this.#lost;
    const times = this.#jobs.flatMap(({ createdAtMs }) => createdAtMs ?? []);
    const isNewestFirst = times.every((timeMs, at) => timeMs <= (times[at - 1] ?? timeMs));
    const isPast = (times.at(-1) ?? submittedAtMs) < submittedAtMs - CLOCK_SKEW_MS;
    if (!isNewestFirst || !isPast) return false;
    return row === null || this.#jobs.some((job) => this.#mayBe(job, this.#lost)) || this.#hasOlder(this.#ours());
  }

  /**
   * The submission's own job. Of equal submissions that were lost, the first takes the oldest job, and so on: so each
   * finds another one, whoever looks. While one of them may still be answered, nobody knows which job is whose.
   */
  findJob(): VideoJob | undefined {
    const lostOnes = this.#deps.ledger.byFingerprint(this.#lost.fingerprint).filter(isLost);
    const free = this.#jobs.toReversed().sort((a, b) => (a.createdAtMs ?? 0) - (b.createdAtMs ?? 0));
    let found: VideoJob | undefined;
    for (const record of lostOnes) {
      const at = free.findIndex((job) => this.#mayBe(job, record));
      const [job] = at === -1 ? [] : free.splice(at, 1);
      if (record.key === this.#lost.key) found = job;
      else if (job !== undefined && isInFlight(record, this.#deps)) return undefined;
    }
    return found;
  }

  /**
   * Whether the list would have the job if there were one: it is whole; it has jobs of ours from before and after, so
   * that it is of the same account and does not lag; it shows prompts as they were sent; and none of its jobs that are
   * not ours resembles it.
   */
  isProof(): boolean {
    const { ledger } = this.#deps;
    const ours = this.#ours();
    const [newest] = ledger.newest(1, (record) => this.#isOurs(record));
    const { submittedAtMs } = this.#lost;
    return (
      this.#isWhole &&
      ours.some(({ owner }) => owner.submittedAtMs >= submittedAtMs || owner.key === newest?.key) &&
      this.#hasOlder(ours) &&
      ours.every(({ job, owner }) => job.prompt === owner.request.prompt) &&
      !this.#jobs.some((job) => this.#resembles(job) && this.#ownerOf(job) === undefined)
    );
  }

  /** Whether the list goes back to jobs of ours from before, or there are none. */
  #hasOlder(ours: readonly OwnedJob[]): boolean {
    const { submittedAtMs } = this.#lost;
    if (ours.some(({ owner }) => owner.submittedAtMs <= submittedAtMs)) return true;
    const isOlder = (record: JobRecord): boolean => record.submittedAtMs < submittedAtMs && this.#isOurs(record);
    return this.#deps.ledger.newest(1, isOlder).length === 0;
  }

  #ours(): OwnedJob[] {
    return this.#jobs.flatMap((job) => {
      const owner = this.#ownerOf(job);
      return owner === undefined ? [] : { job, owner };
    });
  }

  #ownerOf({ id }: VideoJob): JobRecord | undefined {
    return this.#deps.ledger.byId(id).find((record) => this.#isOurs(record));
  }

  #isOurs({ baseUrl, answer, removed }: JobRecord): boolean {
    return baseUrl === this.#lost.baseUrl && answer === 'accepted' && !removed;
  }

  #mayBe(job: VideoJob, { submittedAtMs, request }: JobRecord): boolean {
    return isInTime(job, submittedAtMs) && fits(job, request) && this.#ownerOf(job) === undefined;
  }

  /** Whether it could be the lost one after all, from a server that tells little, or in words of its own. */
  #resembles(job: VideoJob): boolean {
    const { submittedAtMs, request } = this.#lost;
    return isInTime(job, submittedAtMs) && normalized(request.prompt).startsWith(normalized(job.prompt ?? ''));
  }
}

interface OwnedJob {
  readonly job: VideoJob;
  readonly owner: JobRecord;
}

function isLost(record: JobRecord): boolean {
  return isOpen(record) && record.job === null;
}

function isInTime({ createdAtMs }: VideoJob, submittedAtMs: number): boolean {
  const timeMs = createdAtMs ?? submittedAtMs;
  return timeMs >= submittedAtMs - CLOCK_SKEW_MS && timeMs <= submittedAtMs + LATE_ARRIVAL_MS + CLOCK_SKEW_MS;
}

/** The prompt must be the same; what a server leaves out of its list contradicts nothing. */
function fits(job: VideoJob, request: RecordedRequest): boolean {
  const agrees = <T>(theirs: T | null, ours: T | null): boolean => theirs === null || ours === null || theirs === ours;
  const sameModel = job.model === null || request.model === null || job.model.startsWith(request.model);
  return (
    job.prompt === request.prompt && sameModel && agrees(job.seconds, request.seconds) && agrees(job.size, request.size)
  );
}

/** Without what servers do to a text that they show: trimmed, cut short, its white space joined. */
function normalized(prompt: string): string {
  return prompt
    .replace(/(…|\.\.\.)$/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}
