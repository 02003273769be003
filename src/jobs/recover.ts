import type { VideoPage, VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { factsOf, type JobRecord, type RecordedRequest, requestedLength, sourceIdOf } from '../domain/record.ts';
import type { VideoJob } from '../domain/video.ts';
import { isSameBoot } from '../platform/process-identity.ts';
import { type InFlightDeps, isInFlight, settle, stillSubmitting } from './in-flight.ts';

const PAGE_SIZE = 100;
const MAX_PAGES = 20;
/** `Date` and `created_at` have a resolution of one second, and the reply takes a moment. */
const ROUNDING_MS = 2_000;
/** How far before the submission the list is read: clocks change, and servers may sort differently. */
const MARGIN_MS = 15 * 60_000;
/** The same if absence from the list is evidence. */
const WHOLE_MARGIN_MS = 24 * 3_600_000;
const TWIN_MS = 3_600_000;
const MAX_CANDIDATES = 5;
/** Minimum length at which a truncated prompt still identifies the request. */
const SHORTEST_CUT = 16;

export interface RecoverDeps extends InFlightDeps {
  readonly client: VideosClient;
  /** Whether the profile declares that the server lists every job of the account. */
  readonly hasCompleteList: boolean;
}

export type Recovery =
  /** `job` is null if another process found it. */
  | { readonly kind: 'found'; readonly record: JobRecord; readonly job: VideoJob | null }
  /** It was withdrawn before it was sent, or was refused or abandoned meanwhile. */
  | { readonly kind: 'closed'; readonly record: JobRecord }
  /** The list is complete and does not have it. */
  | { readonly kind: 'never-arrived' }
  /** No job is certainly the one; these may be. */
  | { readonly kind: 'missing'; readonly candidates: readonly VideoJob[] }
  /** The server has no list, or does not answer. */
  | { readonly kind: 'unsearchable'; readonly error: SoraError };

/**
 * Searches the server's list for the job of a submission whose response was lost, and adopts it if it is the only one
 * that fits.
 */
export async function recover(deps: RecoverDeps, submission: JobRecord, signal?: AbortSignal): Promise<Recovery> {
  const { ledger, client, clock, hasCompleteList } = deps;
  const lost = await settle(deps, await ledger.recordOf(submission.key));
  if (lost.answer === 'pending') throw stillSubmitting(lost);
  if (lost.answer === 'accepted') return { kind: 'found', record: lost, job: null };
  if (lost.answer === 'rejected') return { kind: 'closed', record: lost };
  try {
    const search = new Search(deps, lost);
    await search.readList(client, signal);
    const job = search.findJob();
    if (job === undefined) {
      return hasCompleteList && search.isAbsent()
        ? { kind: 'never-arrived' }
        : { kind: 'missing', candidates: search.candidates() };
    }
    await ledger.append({ event: 'accepted', key: lost.key, atMs: clock.now(), job: factsOf(job) });
    return { kind: 'found', record: await ledger.recordOf(lost.key), job };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SoraError && error.code !== 'ledger_damaged') return { kind: 'unsearchable', error };
    throw error;
  }
}

/** A job of the list. */
interface Listed {
  readonly job: VideoJob;
  /** By the server's clock as it listed the job; null if unknown. */
  readonly ageMs: number | null;
  /** How long ago the create was sent, at that moment. */
  readonly sentAgo: SentAgo;
}

/** The least is certain, the most is likely. */
interface SentAgo {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** One pass over a server's list, for one lost submission. */
class Search {
  readonly #deps: RecoverDeps;
  readonly #lost: JobRecord;
  readonly #listed = new Map<string, Listed>();
  /** Other submissions to this server whose jobs are still unknown. */
  #others: readonly JobRecord[] = [];
  /** Submissions of the same request. */
  #same: readonly JobRecord[] = [];
  /** Ids of listed jobs that have a record. */
  readonly #known = new Set<string>();
  /** Whether the list was read to its end, or far enough for absence to count. */
  #isWhole = false;

  constructor(deps: RecoverDeps, lost: JobRecord) {
    this.#deps = deps;
    this.#lost = lost;
  }

  async readList(client: VideosClient, signal: AbortSignal | undefined): Promise<void> {
    const marginMs = this.#deps.hasCompleteList ? WHOLE_MARGIN_MS : MARGIN_MS;
    let after: string | undefined;
    for (let pages = 0; pages < MAX_PAGES && !this.#isWhole; pages++) {
      const query = { limit: PAGE_SIZE, order: 'desc' as const, ...(after === undefined ? {} : { after }) };
      const { jobs, next, clock } = await client.list(query, { signal });
      const sentAgo = this.#sentAgo(clock);
      const nowMs = clock?.serverMs ?? this.#deps.clock.now();
      for (const job of jobs) {
        const ageMs = job.createdAtMs === null ? null : nowMs - job.createdAtMs;
        this.#listed.set(job.id, { job, ageMs, sentAgo });
      }
      this.#isWhole = next === null || this.#isPast(sentAgo.mostMs + marginMs);
      after = next ?? undefined;
    }
    await this.#readLedger();
  }

  async #readLedger(): Promise<void> {
    const { ledger } = this.#deps;
    const { key, baseUrl, fingerprint } = this.#lost;
    const isOther = (record: JobRecord): boolean =>
      record.job === null && record.key !== key && record.baseUrl === baseUrl;
    this.#others = (await ledger.open()).filter(isOther);
    this.#same = await ledger.list({ by: 'fingerprint', value: fingerprint });
    for (const id of this.#listed.keys()) {
      const records = await ledger.withIds(idForms(id));
      if (records.some((record) => record.baseUrl === baseUrl)) this.#known.add(id);
    }
  }

  /**
   * A wall clock may be set between the submission and the search. The uptime is not: it never runs ahead of the time
   * that passed. Without it, or without the server's clock to compare with, no job is certainly younger.
   */
  #sentAgo(clock: VideoPage['clock']): SentAgo {
    const { submittedAtMs, sentUptimeMs, host = '', boot = null } = this.#lost;
    const byWallClockMs = this.#deps.clock.now() - submittedAtMs;
    const isComparable = clock !== null && sentUptimeMs !== null && isSameBoot({ host, boot }, this.#deps.self);
    const leastMs = isComparable ? clock.uptimeMs - sentUptimeMs : Number.NEGATIVE_INFINITY;
    return { leastMs, mostMs: Math.max(leastMs, byWallClockMs) };
  }

  /** Whether the list is sorted by age and has reached jobs that are too old. */
  #isPast(oldestMs: number): boolean {
    const ages = [...this.#listed.values()].flatMap(({ ageMs }) => ageMs ?? []);
    const isNewestFirst = ages.every((ageMs, at) => ageMs >= (ages[at - 1] ?? ageMs));
    return isNewestFirst && (ages.at(-1) ?? Number.NEGATIVE_INFINITY) > oldestMs;
  }

  /**
   * The job that certainly belongs to the submission. With several equal submissions in doubt the assignment is
   * ambiguous, unless the list is complete: then the first of them gets the oldest job, and so on.
   */
  findJob(): VideoJob | undefined {
    const { request, fingerprint } = this.#lost;
    // Reversed, so that of two jobs from the same second the earlier one comes first.
    const fitting = [...this.#listed.values()]
      .reverse()
      .filter((listed) => isYounger(listed, listed.sentAgo.leastMs) && !isFromFuture(listed))
      .map(({ job }) => job)
      .filter((job) => fits(job, request) && !this.#isKnown(job))
      .sort((a, b) => (a.createdAtMs ?? 0) - (b.createdAtMs ?? 0));
    const rivals = this.#others.filter((other) => fitting.some((job) => fits(job, other.request)));
    if (rivals.length === 0 && fitting.length === 1 && !this.#hasHiddenTwin()) return fitting[0];
    const isPairable = rivals.every((rival) => rival.fingerprint === fingerprint && !isInFlight(rival, this.#deps));
    if (!this.#deps.hasCompleteList || !isPairable) return undefined;
    return fitting[rivals.filter((rival) => isEarlier(rival, this.#lost)).length];
  }

  /** Whether no listed job can be the lost one, even if the server changed its prompt. */
  isAbsent(): boolean {
    const mayBe = (listed: Listed): boolean =>
      resembles(listed.job, this.#lost.request) || isYounger(listed, listed.sentAgo.mostMs + MARGIN_MS);
    return this.#isWhole && !this.#unclaimed().some(mayBe);
  }

  /** Jobs that the submission may have created, those with its prompt first. */
  candidates(): VideoJob[] {
    const unclaimed = this.#unclaimed();
    const alike = unclaimed.filter(({ job }) => resembles(job, this.#lost.request));
    const later = unclaimed.filter((listed) => isYounger(listed, listed.sentAgo.mostMs));
    return (alike.length > 0 ? alike : later).slice(0, MAX_CANDIDATES).map(({ job }) => job);
  }

  /** Jobs without a record that fit no other lost submission better. */
  #unclaimed(): Listed[] {
    const others = this.#others;
    const isOthers = (job: VideoJob): boolean =>
      !fits(job, this.#lost.request) && others.some(({ request }) => fits(job, request));
    return [...this.#listed.values()].filter(({ job }) => !this.#isKnown(job) && !isOthers(job));
  }

  /**
   * Whether an equal submission of about that time has a job that this list does not show under its id. If lists use
   * different ids, or each replica has its own list, the job that fits may be that one.
   */
  #hasHiddenTwin(): boolean {
    const { submittedAtMs } = this.#lost;
    const listed = new Set([...this.#listed.keys()].flatMap(idForms));
    return this.#same.some(
      (twin) =>
        twin.job !== null &&
        Math.max(twin.submittedAtMs, twin.answeredAtMs ?? 0) > submittedAtMs - TWIN_MS &&
        !idForms(twin.job.id).some((form) => listed.has(form)),
    );
  }

  #isKnown({ id }: VideoJob): boolean {
    return this.#known.has(id);
  }
}

function isYounger({ ageMs }: Listed, thanMs: number): boolean {
  return ageMs !== null && ageMs <= thanMs + ROUNDING_MS;
}

/** Its time is from a different clock than the list's. */
function isFromFuture({ ageMs }: Listed): boolean {
  return ageMs !== null && ageMs < -ROUNDING_MS;
}

function isEarlier(a: JobRecord, b: JobRecord): boolean {
  return a.submittedAtMs < b.submittedAtMs || (a.submittedAtMs === b.submittedAtMs && a.key < b.key);
}

/** Same prompt and source; a field missing from the list is not a contradiction. */
function fits(job: VideoJob, request: RecordedRequest): boolean {
  const agrees = <T>(theirs: T | null, ours: T | null): boolean => theirs === null || ours === null || theirs === ours;
  return (
    job.prompt !== null &&
    plain(job.prompt) === plain(request.prompt) &&
    agrees(bareModel(job.model), bareModel(request.model)) &&
    (job.remixedFrom === null || job.remixedFrom === sourceIdOf(request)) &&
    agrees(job.seconds, requestedLength(request)) &&
    agrees(job.size?.replace('*', 'x') ?? null, request.size)
  );
}

/** A model's name without provider prefix and snapshot date. */
function bareModel(name: string | null): string | null {
  return name?.replace(/^.*\//, '').replace(/-\d{4}-\d{2}-\d{2}$/, '') ?? null;
}

/** Whether a job may belong to a request on a server that hides, truncates or rewrites prompts. */
function resembles(job: VideoJob, request: RecordedRequest): boolean {
  if (job.prompt === null) return true;
  const [theirs, ours] = [plain(job.prompt), plain(request.prompt)].map((text) => text.toLowerCase()) as [
    string,
    string,
  ];
  const cut = theirs.replace(/(\u2026|\.{3})$/, '').trimEnd();
  const isCut = cut !== theirs || cut.length >= SHORTEST_CUT;
  return theirs === ours || theirs.includes(ours) || (isCut && ours.startsWith(cut));
}

function plain(prompt: string): string {
  return prompt.replace(/\s+/g, ' ').trim();
}
