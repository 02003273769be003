import { dirname } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { applyEvent, isOpen, type JobRecord, type LedgerEvent } from '../domain/record.ts';
import { shortId } from '../domain/short-id.ts';
import { Journal } from '../platform/journal.ts';
import { LedgerIndex, type LocatedEvent } from './ledger-index.ts';
import { describeProblems, encodeEvent, type LedgerProblem } from './ledger-line.ts';
import { LedgerMark } from './ledger-mark.ts';
import { LedgerTally, type Tally } from './ledger-tally.ts';
import {
  batchTerm,
  dayTerm,
  endingTerm,
  fingerprintTerm,
  INTENT_TERM,
  idTerm,
  keyTerm,
  modelTerm,
  rowTerm,
  termsOf,
} from './ledger-terms.ts';

/** Records are folded in growing chunks: a few are found quickly, and many take little memory. */
const FIRST_PAGE = 32;
const LARGEST_PAGE = 1024;
const KEPT_TALLIES = 3;

export interface LedgerPaths {
  /** JSON lines, one event each: the source of truth. */
  readonly journal: string;
  /** Disposable. */
  readonly index: string;
}

/** A record, with further facts from its lines. */
interface Entry {
  readonly record: JobRecord;
  /** The offset of its intent; records are ordered by intent. */
  readonly offset: number;
  /** When the completion of the job was first recorded. */
  readonly completionSeenAtMs: number | null;
}

/**
 * Submissions, their outcomes, saved files and deletions, on disk and shared by any
 * number of processes. Every query includes what all of them have appended so far,
 * and throws `invalid_config` if the journal cannot be read.
 */
export class Ledger {
  readonly #journal: Journal;
  readonly #mark: LedgerMark;
  readonly #indexPath: string;
  #index: LedgerIndex | undefined;
  #tallies: readonly LedgerTally[] = [];

  constructor({ journal, index }: LedgerPaths) {
    this.#journal = new Journal(journal, { isLocked: true, onSynced: (last) => this.#mark.advance(last) });
    this.#mark = new LedgerMark(this.#journal);
    this.#indexPath = index;
  }

  /** Resolves when the events are on disk; rejects with `cannot_write`. */
  append(...events: readonly LedgerEvent[]): Promise<void> {
    return this.#write(() => this.#journal.append(...events.map(encodeEvent)));
  }

  /** The same without waiting for the disk, for events that only matter together with a later one. */
  appendAhead(...events: readonly LedgerEvent[]): Promise<void> {
    return this.#write(() => this.#journal.appendAhead(...events.map(encodeEvent)));
  }

  async #write(append: () => Promise<void>): Promise<void> {
    try {
      await append();
    } catch (error) {
      const { path } = this.#journal;
      throw new SoraError('cannot_write', {
        title: `could not write the ledger ${path}`,
        causedBy: error instanceof Error ? error.message : String(error),
        facts: { own_folder: dirname(path) },
        cause: error,
      });
    }
  }

  /** For paid work that continues anyway: the error that prevented the write; null if the events are on disk. */
  async tryAppend(...events: readonly LedgerEvent[]): Promise<SoraError | null> {
    try {
      await this.append(...events);
      return null;
    } catch (error) {
      if (error instanceof SoraError) return error;
      throw error;
    }
  }

  /** Keeps the journal open until `release`, for thousands of appends. */
  hold(): void {
    this.#journal.hold();
  }

  release(): Promise<void> {
    return this.#journal.release();
  }

  byKey(key: string): JobRecord | undefined {
    return this.#ask((index) => this.#fold(index, [key])[0]?.record);
  }

  /** The record of a key that was just written or read. Throws `ledger_damaged` if the file no longer has it. */
  recordOf(key: string): JobRecord {
    const record = this.byKey(key);
    if (record !== undefined) return record;
    throw new SoraError('ledger_damaged', {
      title: `${this.#journal.path} does not contain what was just written to it: ${key}`,
      submission: key,
    });
  }

  /** Newest first: two servers may have issued the same id. */
  byId(id: string): JobRecord[] {
    const records = this.#recordsNamed([idTerm(id)]);
    return records.filter(({ job }) => job?.id === id).reverse();
  }

  /** Records whose job may have this id in a list, which may format it differently than the reply to a create. */
  byIdForm(id: string): JobRecord[] {
    return this.#recordsNamed(idForms(id).map(idTerm));
  }

  /** By the ledger's key, or else by the server's id. */
  find(idOrKey: string): JobRecord[] {
    const record = this.byKey(idOrKey);
    return record ? [record] : this.byId(idOrKey);
  }

  /** Those whose id or key ends with a text of at least `MIN_ENDING` characters, newest first. */
  byEnding(ending: string): JobRecord[] {
    const records = this.#recordsNamed([endingTerm(ending)]);
    return records.filter(({ key, job }) => key.endsWith(ending) || job?.id.endsWith(ending)).reverse();
  }

  /** The records with an event that has one of these terms, oldest first. */
  #recordsNamed(terms: readonly string[]): JobRecord[] {
    return this.#ask((index) => {
      const keys = terms.flatMap((term) => eventsWith(index, term, index.find([term])).map(({ event }) => event.key));
      return this.#fold(index, keys).map(({ record }) => record);
    });
  }

  /** Ids or keys as people see them: each by the ending that no other one of the ledger or of these has. */
  shortIds(ids: readonly string[]): string[] {
    return this.#ask((index) => {
      const alike = new Map<string, string[]>();
      const add = (name: string): void => {
        const term = endingTerm(name);
        const names = alike.get(term);
        if (names === undefined) alike.set(term, [name]);
        else names.push(name);
      };
      for (const id of ids) add(id);
      for (const { event } of index.eventsAt(index.find(alike.keys()))) {
        if (event.event === 'accepted') add(event.job.id);
        if (event.event === 'intent') add(event.key);
      }
      return ids.map((id) => shortId(id, alike.get(endingTerm(id)) ?? []));
    });
  }

  /** The same of one, to be named in a text; one that the ledger does not know stays whole. */
  shortId(id: string): string {
    const [short = id] = this.find(id).length > 0 ? this.shortIds([id]) : [];
    return short;
  }

  /** Oldest first. */
  byFingerprint(fingerprint: string): JobRecord[] {
    return this.#recordsWith(fingerprintTerm(fingerprint));
  }

  /** All submissions of a manifest’s row, oldest first. */
  byRow(row: string): JobRecord[] {
    return this.#recordsWith(rowTerm(row));
  }

  /** All submissions of a manifest, oldest first, with only some of them in memory. */
  *byBatch(batch: string): Generator<JobRecord> {
    for (const { record } of this.#entries(batchTerm(batch), 'oldest first')) yield record;
  }

  /** All that `isOpen`, newest first. */
  open(): JobRecord[] {
    return this.#ask((index) => {
      const records = this.#fold(index, index.openKeys).map(({ record }) => record);
      return records.filter(isOpen).reverse();
    });
  }

  /** The newest records that match, newest first. */
  newest(limit: number, isWanted: (record: JobRecord) => boolean = () => true): JobRecord[] {
    const records: JobRecord[] = [];
    for (const { record } of this.#entries(INTENT_TERM, 'newest first')) {
      if (records.length >= limit) break;
      if (isWanted(record)) records.push(record);
    }
    return records;
  }

  /** Submissions of a day, `YYYY-MM-DD` in UTC, oldest first. */
  submittedOn(day: string): JobRecord[] {
    return this.#recordsWith(dayTerm(day));
  }

  /** The cost of a day's submissions (`YYYY-MM-DD` in UTC): all, or those before one of them; of one profile, or of all. */
  spentOnDay(day: string, { before, profile }: { before: string | null; profile: string | null }): Tally {
    return this.#tally(dayTerm(day)).sumBefore(before, profile);
  }

  /** The cost of a manifest's submissions through one profile, before one of them. */
  spentOnBatch(batch: string, { before, profile }: { before: string; profile: string }): Tally {
    return this.#tally(batchTerm(batch)).sumBefore(before, profile);
  }

  /** How long the last jobs for a requested model took to complete, latest submission first. */
  durationsMs(profile: string, model: string | null, limit: number): number[] {
    const durations: number[] = [];
    for (const entry of this.#entries(modelTerm(profile, model), 'newest first')) {
      if (durations.length >= limit) break;
      const duration = durationMsOf(entry);
      if (duration !== undefined) durations.push(duration);
    }
    return durations;
  }

  /** Every record, oldest first, with only some of them in memory. */
  *all(): Generator<JobRecord> {
    for (const { record } of this.#entries(INTENT_TERM, 'oldest first')) yield record;
  }

  /** The unreadable and the lost lines of the file. A torn last line does not count. */
  problems(): readonly LedgerProblem[] {
    return this.#ask((index) => this.#problemsOf(index));
  }

  #problemsOf({ problems }: LedgerIndex): LedgerProblem[] {
    const { loss } = this.#mark;
    return [...problems, ...(loss === null ? [] : [loss])];
  }

  /** Throws `ledger_damaged` if an unreadable line may hide a submission: nothing may be paid then. */
  requireIntact(): void {
    if (this.problems().length === 0) return;
    const problems = this.#ask((index) => {
      index.rebuild(); // the file may have been repaired
      return this.#problemsOf(index);
    });
    if (problems.length === 0) return;
    throw new SoraError('ledger_damaged', {
      title: `the ledger is damaged, so nothing is paid: ${this.#journal.path}, ${describeProblems(problems)}`,
    });
  }

  /** Cached for the latest terms only: a process asks about one manifest, and one day or two. */
  #tally(term: string): LedgerTally {
    const known = this.#tallies.find((tally) => tally.term === term);
    if (known !== undefined) return known;
    const readUpTo = this.#ask((index) => index.coveredBytes);
    const records = this.#recordsWith(term);
    const tally = new LedgerTally(term, this.#journal, readUpTo, records);
    this.#tallies = [tally, ...this.#tallies].slice(0, KEPT_TALLIES);
    return tally;
  }

  /** The records whose intent has a term, oldest first. */
  #recordsWith(term: string): JobRecord[] {
    return this.#ask((index) => this.#entriesAt(index, index.find([term]), term).map(({ record }) => record));
  }

  /** The same for records that may be too many for the memory. */
  *#entries(term: string, order: 'oldest first' | 'newest first'): Generator<Entry> {
    const offsets = this.#ask((index) => (order === 'oldest first' ? index.find([term]) : index.findBackwards(term)));
    for (const page of pagesOf(offsets)) yield* this.#ask((index) => this.#entriesAt(index, page, term));
  }

  /** The records whose intents are at these offsets and have the term, in the order of the offsets. */
  #entriesAt(index: LedgerIndex, offsets: readonly number[], term: string): Entry[] {
    const intents = eventsWith(index, term, offsets);
    const keys = intents.map(({ event }) => event.key);
    const byOffset = new Map(this.#fold(index, keys).map((entry) => [entry.offset, entry]));
    // A second intent of the same key has no record of its own.
    return intents.flatMap(({ offset }) => byOffset.get(offset) ?? []);
  }

  /** The records of these keys, oldest first. */
  #fold(index: LedgerIndex, keys: Iterable<string>): Entry[] {
    const wanted = new Set(keys);
    const entries = new Map<string, Entry>();
    for (const { offset, event } of index.eventsAt(index.find(Array.from(wanted, keyTerm)))) {
      if (!wanted.has(event.key)) continue; // a hash collision
      const entry = entries.get(event.key);
      const record = applyEvent(entry?.record, event);
      if (record === undefined) continue;
      const completedNow = record.job?.status === 'completed' ? event.atMs : null;
      const completionSeenAtMs = entry?.completionSeenAtMs ?? completedNow;
      entries.set(event.key, { record, offset: entry?.offset ?? offset, completionSeenAtMs });
    }
    return [...entries.values()];
  }

  #ask<T>(question: (index: LedgerIndex) => T): T {
    try {
      this.#index ??= new LedgerIndex(this.#journal, this.#indexPath);
      this.#index.refresh();
      return question(this.#index);
    } catch (error) {
      // Anything else is a bug, and is thrown unchanged.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw unreadableLedger(this.#journal.path, error);
    }
  }
}

/** The `invalid_config` of a ledger that the file system does not let us read. */
export function unreadableLedger(path: string, error: unknown): SoraError {
  return new SoraError('invalid_config', {
    title: `could not read the ledger ${path}`,
    causedBy: error instanceof Error ? error.message : String(error),
    hints: [`check ${path}: it must be a file that you can read and write`],
    cause: error,
  });
}

/** The events at these offsets that really have the term: terms may share a hash. */
function eventsWith(index: LedgerIndex, term: string, offsets: readonly number[]): LocatedEvent[] {
  return Array.from(index.eventsAt(offsets)).filter(({ event }) => termsOf(event).includes(term));
}

function* pagesOf(offsets: Iterable<number>): Generator<number[]> {
  let page: number[] = [];
  let size = FIRST_PAGE;
  for (const offset of offsets) {
    page.push(offset);
    if (page.length < size) continue;
    yield page;
    page = [];
    size = Math.min(2 * size, LARGEST_PAGE);
  }
  yield page;
}

/** From creation to completion by the server's clock, or else by ours; undefined if the job was not completed. */
function durationMsOf({ record, completionSeenAtMs }: Entry): number | undefined {
  if (completionSeenAtMs === null) return undefined;
  const { createdAtMs = null, completedAtMs = null } = record.job ?? {};
  const durationMs =
    createdAtMs !== null && completedAtMs !== null
      ? completedAtMs - createdAtMs
      : completionSeenAtMs - record.submittedAtMs;
  return durationMs >= 0 ? durationMs : undefined;
}
