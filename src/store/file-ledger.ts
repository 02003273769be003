import { dirname } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import type { Tally } from '../domain/money.ts';
import { type IntentEvent, isOpen, type JobRecord, type LedgerEvent, WITHDRAWN } from '../domain/record.ts';
import { Journal } from '../platform/journal.ts';
import {
  type Claim,
  endingOf,
  FIRST_PAGE,
  LARGEST_PAGE,
  Ledger,
  type LedgerOrder,
  type LedgerQuery,
  type SpentScope,
  type Standing,
} from './ledger.ts';
import { durationMsOf, extendEntry, keyIsTaken, type LedgerEntry } from './ledger-entry.ts';
import { LedgerIndex, type LocatedEvent } from './ledger-index.ts';
import { decodeLine, describeProblems, encodeEvent, type LedgerProblem } from './ledger-line.ts';
import { LedgerMark } from './ledger-mark.ts';
import { INTENT_TERM, modelTerm, termOf, termsOf } from './ledger-terms.ts';

const EVENTS_AT_ONCE = 2_000;

export interface LedgerPaths {
  /** JSON lines, one event each: the source of truth. */
  readonly journal: string;
  /** Disposable. */
  readonly index: string;
}

interface Entry extends LedgerEntry {
  /** The offset of its intent; records are ordered by intent. */
  readonly offset: number;
}

/** A ledger in a file on this machine. Throws `invalid_config` if the journal cannot be read. */
export class FileLedger extends Ledger {
  readonly #journal: Journal;
  readonly #mark: LedgerMark;
  readonly #indexPath: string;
  #index: LedgerIndex | undefined;
  /** Set while a question is answered. */
  #asked: LedgerIndex | undefined;
  /** `replacements` of the index when a held file was last seen to be whole. */
  #wholeAt: number | null = null;

  constructor({ journal, index }: LedgerPaths) {
    super();
    this.#journal = new Journal(journal, { isLocked: true, onSynced: (last) => this.#mark.advance(last) });
    this.#mark = new LedgerMark(this.#journal);
    this.#indexPath = index;
  }

  get name(): string {
    return this.#journal.path;
  }

  append(...events: readonly LedgerEvent[]): Promise<void> {
    return this.#write(() => this.#journal.append(...this.#encode(events)));
  }

  /** The same without waiting for the disk, for events that only matter together with a later one. */
  appendAhead(...events: readonly LedgerEvent[]): Promise<void> {
    return this.#write(() => this.#journal.appendAhead(...this.#encode(events)));
  }

  #encode(events: readonly LedgerEvent[]): string[] {
    return events.map((event) => this.#index?.encode(event) ?? encodeEvent(event));
  }

  async #write(append: () => Promise<void>): Promise<void> {
    try {
      await append();
    } catch (error) {
      const { path } = this.#journal;
      throw new SoraError('cannot_write', {
        title: `could not write the ledger ${path}`,
        causedBy: messageOf(error),
        hints: [
          `free some disk space, or make ${dirname(path)} writable; another folder does not know what is paid already`,
        ],
        cause: error,
      });
    }
  }

  /** The order of intents in the file decides: an intent is written, and withdrawn if an earlier one conflicts with it. */
  async reserve<T extends { readonly reason: string }>(
    claim: Claim,
    judge: (standing: Standing) => T | null,
  ): Promise<T | null> {
    const { intent } = claim;
    const judged = (before?: string): T | null => {
      const found = judge(this.#standing(claim, before));
      if (found === null && !intent.free) this.#requireIntact();
      return found;
    };
    const known = this.#ask(() => judged());
    if (known !== null) return known;
    // Nothing is sent before `sending` is on disk, and its sync includes this line.
    await this.appendAhead(intent);
    let objection: T | null;
    try {
      objection = this.#ask((index) => {
        const own = this.known(intent.key, this.#recordIn(index, intent.key));
        if (own.row !== intent.row || own.fingerprint !== intent.fingerprint) throw keyIsTaken(this.name, intent);
        return judged(intent.key); // intact again: our line has ended any torn one
      });
    } catch (error) {
      if (error instanceof SoraError && error.submission === null)
        await this.#withdraw(intent, 'the ledger is damaged');
      throw error;
    }
    if (objection !== null) await this.#withdraw(intent, objection.reason);
    return objection;
  }

  #standing({ same, scopes }: Claim, before: string | undefined): Standing {
    const records = same === null ? [] : this.#recordsWith(queryTerm(same));
    const end = before === undefined ? -1 : records.findIndex(({ key }) => key === before);
    return {
      same: end === -1 ? records : records.slice(0, end),
      spent: scopes.map((scope) => this.#spent(scope, before)),
      team: [],
    };
  }

  #withdraw({ key, atMs }: IntentEvent, message: string): Promise<void> {
    return this.append({ event: 'rejected', key, atMs, code: WITHDRAWN, message });
  }

  override hold(): void {
    this.#journal.hold();
  }

  release(): Promise<void> {
    this.#wholeAt = null;
    return this.#journal.release();
  }

  async byKey(key: string): Promise<JobRecord | undefined> {
    return this.#ask((index) => this.#recordIn(index, key));
  }

  #recordIn(index: LedgerIndex, key: string): JobRecord | undefined {
    return this.#fold(index, [key])[0]?.record;
  }

  async withIds(ids: readonly string[]): Promise<JobRecord[]> {
    return this.#recordsNamed(ids.map((id) => termOf('id', id)));
  }

  async byEnding(ending: string): Promise<JobRecord[]> {
    const records = this.#recordsNamed([termOf('ending', endingOf(ending))]);
    return records.filter(({ key, job }) => key.endsWith(ending) || job?.id.endsWith(ending)).reverse();
  }

  /** All events in the order of the file, a few thousand at a time. Throws `ledger_damaged` if one may be missing. */
  async *events(): AsyncGenerator<readonly LedgerEvent[]> {
    this.#requireIntact();
    let events: LedgerEvent[] = [];
    for (const { text } of this.#journal.read()) {
      const decoded = decodeLine(text);
      if (decoded.kind === 'event') events.push(decoded.event);
      if (events.length < EVENTS_AT_ONCE) continue;
      yield events;
      events = [];
    }
    if (events.length > 0) yield events;
  }

  /** The records with an event that has one of these terms, oldest first. */
  #recordsNamed(terms: readonly string[]): JobRecord[] {
    return this.#ask((index) => {
      const keys = terms.flatMap((term) => eventsWith(index, term, index.find([term])).map(({ event }) => event.key));
      return this.#fold(index, keys).map(({ record }) => record);
    });
  }

  async namesEnding(endings: readonly string[]): Promise<string[]> {
    return this.#ask((index) =>
      index.eventsAt(index.find(endings.map((ending) => termOf('ending', ending)))).flatMap(({ event }) => {
        if (event.event === 'accepted') return event.job.id;
        return event.event === 'intent' ? event.key : [];
      }),
    );
  }

  async open(): Promise<JobRecord[]> {
    return this.#ask((index) => {
      const records = this.#fold(index, index.openKeys).map(({ record }) => record);
      return records.filter(isOpen).reverse();
    });
  }

  async *records(query: LedgerQuery, order: LedgerOrder): AsyncGenerator<JobRecord> {
    for (const { record } of this.#entries(queryTerm(query), order)) yield record;
  }

  override async list(query: LedgerQuery): Promise<JobRecord[]> {
    return this.#recordsWith(queryTerm(query));
  }

  async spent(scope: SpentScope): Promise<Tally> {
    return this.#spent(scope);
  }

  #spent({ by, value, ...group }: SpentScope, before?: string): Tally {
    const term = termOf(by, value);
    return this.#ask((index) => {
      const tally = index.tally(term, () => this.#entries(term, 'oldest first'));
      return tally.sumBefore(before ?? null, group);
    });
  }

  async durationsMs(profile: string, model: string | null, limit: number): Promise<number[]> {
    const durations: number[] = [];
    for (const entry of this.#entries(modelTerm(profile, model), 'newest first')) {
      if (durations.length >= limit) break;
      const duration = durationMsOf(entry);
      if (duration !== undefined) durations.push(duration);
    }
    return durations;
  }

  /** A torn last line does not count. */
  override problems(): readonly LedgerProblem[] {
    return this.#ask((index) => this.#problemsOf(index));
  }

  #problemsOf({ problems, replacements }: LedgerIndex): LedgerProblem[] {
    // A file that is held, was whole and has only grown since has lost nothing.
    if (replacements === this.#wholeAt) return [...problems];
    const { loss } = this.#mark;
    if (loss !== null) return [...problems, loss];
    if (this.#journal.isHeld) this.#wholeAt = replacements;
    return [...problems];
  }

  async requireUsable(): Promise<void> {
    this.#requireIntact();
    const { tryToWrite } = await import('../platform/private-files.ts'); // not needed by short commands
    await this.#write(async () => tryToWrite(this.#journal.path));
  }

  /** Throws `ledger_damaged` if an unreadable part may hide a submission: nothing may be paid then. */
  #requireIntact(): void {
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
    // A second intent with the same key has no record.
    return intents.flatMap(({ offset }) => byOffset.get(offset) ?? []);
  }

  /** The records of these keys, oldest first. */
  #fold(index: LedgerIndex, keys: Iterable<string>): Entry[] {
    const wanted = new Set(keys);
    const entries = new Map<string, Entry>();
    for (const { offset, event } of index.eventsAt(index.find(Array.from(wanted, (key) => termOf('key', key))))) {
      if (!wanted.has(event.key)) continue; // a hash collision
      const known = entries.get(event.key);
      const entry = extendEntry(known, event);
      if (entry !== undefined) entries.set(event.key, { ...entry, offset: known?.offset ?? offset });
    }
    return [...entries.values()];
  }

  /** Reads what other processes have appended, once for a question and those that it asks in turn. */
  #ask<T>(question: (index: LedgerIndex) => T): T {
    if (this.#asked !== undefined) return question(this.#asked);
    try {
      this.#index ??= new LedgerIndex(this.#journal, this.#indexPath);
      this.#index.refresh();
      this.#asked = this.#index;
      return question(this.#index);
    } catch (error) {
      // Anything else is a bug, and is thrown unchanged.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw unreadableLedger(this.#journal.path, error);
    } finally {
      this.#asked = undefined;
    }
  }
}

function queryTerm(query: LedgerQuery): string {
  return query.by === 'everything' ? INTENT_TERM : termOf(query.by, query.value);
}

/** The `invalid_config` of a ledger that the file system does not let us read. */
export function unreadableLedger(path: string, error: unknown): SoraError {
  return new SoraError('invalid_config', {
    title: `could not read the ledger ${path}`,
    causedBy: messageOf(error),
    hints: [`check ${path}: it must be a file that you can read and write`],
    cause: error,
  });
}

/** The events at these offsets that really have the term: terms may share a hash. */
function eventsWith(index: LedgerIndex, term: string, offsets: readonly number[]): LocatedEvent[] {
  return index.eventsAt(offsets).filter(({ event }) => termsOf(event).includes(term));
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
