import { crc32 } from 'node:zlib';
import { ABANDONED, type JobRecord, type LedgerEvent, WITHDRAWN } from '../domain/record.ts';
import { isTerminal } from '../domain/video.ts';
import type { Journal } from '../platform/journal.ts';
import type { JournalLine } from '../platform/line-reader.ts';
import { type Coverage, readIndexFile, writeIndexFile } from './ledger-index-file.ts';
import { type DecodedLine, decodeLine, encodeEvent, type LedgerProblem } from './ledger-line.ts';
import { lineAt } from './ledger-mark.ts';
import { Postings } from './ledger-postings.ts';
import { LedgerTally } from './ledger-tally.ts';
import { hashTerm, termOf, termsOf } from './ledger-terms.ts';

/** The index is stored again when more than this is uncovered, which bounds the reading at each start. */
const STORE_AFTER_BYTES = 1 << 20;

/** Caches events that the rows of a batch ask for repeatedly. */
const KEPT_EVENTS = 512;
const KEPT_TALLIES = 3;

/** An event, and the byte offset of its line. */
export interface LocatedEvent {
  readonly offset: number;
  readonly event: LedgerEvent;
}

/** What is known of the part of a journal that was read. */
interface Knowledge {
  covered: Coverage;
  /** The last line covered, which identifies the journal. */
  lastText: string | null;
  readonly postings: Postings;
  readonly openKeys: Set<string>;
  readonly problems: LedgerProblem[];
}

/**
 * Where in the journal each term occurs, and other facts that require reading all of it.
 * Derived from the journal: the copy on disk only saves time.
 */
export class LedgerIndex {
  readonly #journal: Journal;
  readonly #path: string;
  #known = emptyKnowledge();
  #storedBytes = 0;
  #replacements = 0;
  #tallies: readonly LedgerTally[] = [];
  /** The latest events, by offset. */
  readonly #latest = new Map<number, LedgerEvent>();
  /** Events that this process appends, by their line. */
  readonly #written = new Map<string, LedgerEvent>();

  /** Loads the index stored at `path`, if it belongs to this journal. */
  constructor(journal: Journal, path: string) {
    this.#journal = journal;
    this.#path = path;
    this.#load();
  }

  /** Keys of all open records, and perhaps a few closed ones. */
  get openKeys(): ReadonlySet<string> {
    return this.#known.openKeys;
  }

  get problems(): readonly LedgerProblem[] {
    return this.#known.problems;
  }

  /** How often the journal had lost lines when it was read, so that all of it was read again. */
  get replacements(): number {
    return this.#replacements;
  }

  /** Reads lines appended by any process since the last time; or everything, if the journal was replaced. */
  refresh(): void {
    if (this.#journal.size() === this.#known.covered.bytes) return;
    for (const line of this.#unread()) this.#add(line);
    if (this.#known.covered.bytes - this.#storedBytes > STORE_AFTER_BYTES) this.#store();
  }

  /** The tally of a term; `entries` are those of its records. Only the latest are kept: a manifest, and one day or two. */
  tally(term: string, entries: () => Iterable<{ readonly record: JobRecord }>): LedgerTally {
    const known = this.#tallies.find((tally) => tally.term === term);
    if (known !== undefined) return known;
    const tally = new LedgerTally(term, entries());
    this.#tallies = [tally, ...this.#tallies].slice(0, KEPT_TALLIES);
    return tally;
  }

  /** Encodes an event for the journal, which need not be decoded when its line is read. */
  encode(event: LedgerEvent): string {
    const line = encodeEvent(event);
    keep(this.#written, line, event);
    return line;
  }

  /** Reads everything again: the file may have been repaired. */
  rebuild(): void {
    this.#clear();
    for (const line of this.#journal.read()) this.#add(line);
  }

  *#unread(): Generator<JournalLine> {
    const { covered, lastText } = this.#known;
    const lines = this.#journal.read(covered.lastOffset);
    if (covered.lines > 0 && textAtEnd(lines.next().value, covered) !== lastText) {
      lines.return(undefined);
      this.#clear();
      yield* this.#journal.read();
    } else yield* lines;
  }

  /** The events at these offsets, in this order; offsets without an event are skipped. */
  eventsAt(offsets: readonly number[]): LocatedEvent[] {
    const unread = offsets.filter((offset) => !this.#latest.has(offset));
    const lines = unread.length === 0 ? [] : this.#journal.readAt(unread);
    const texts = new Map(Array.from(lines, ({ offset, text }) => [offset, text]));
    return offsets.flatMap((offset) => {
      const event = this.#latest.get(offset) ?? this.#decodeAt(offset, texts.get(offset));
      return event === undefined ? [] : { offset, event };
    });
  }

  #decodeAt(offset: number, text: string | undefined): LedgerEvent | undefined {
    const decoded = decodeLine(text ?? '');
    if (decoded.kind === 'event') return decoded.event;
    this.#reportDamage(offset, decoded.kind === 'unreadable' ? decoded.reason : 'it is gone');
    return undefined;
  }

  /** Offsets of the lines with one of the terms, in file order, including a few hash collisions. */
  find(terms: Iterable<string>): number[] {
    const offsets = new Set<number>();
    for (const term of terms) {
      for (const offset of this.findBackwards(term)) offsets.add(offset);
    }
    return [...offsets].sort((a, b) => a - b);
  }

  /** The same for one term, from the end of the file backwards. */
  findBackwards(term: string): Generator<number> {
    return this.#known.postings.find(hashTerm(term));
  }

  #add({ offset, end, text }: JournalLine): void {
    const known = this.#known;
    const line = known.covered.lines + 1;
    known.covered = { bytes: end, lines: line, lastOffset: offset };
    known.lastText = text;
    const decoded = this.#decode(text);
    if (decoded.kind === 'unreadable') known.problems.push({ line, reason: decoded.reason });
    if (decoded.kind !== 'event') return;
    const { event } = decoded;
    if (this.#isOrphan(event)) known.problems.push({ line, reason: orphanReason(event) });
    keep(this.#latest, offset, event);
    for (const tally of this.#tallies) tally.add(event);
    for (const hash of new Set(termsOf(event).map(hashTerm))) known.postings.add(hash, offset);
    if (mayOpen(event)) known.openKeys.add(event.key);
    if (closes(event) && !this.#isLate(event)) known.openKeys.delete(event.key);
  }

  #isOrphan({ event, key }: LedgerEvent): boolean {
    return event !== 'intent' && this.findBackwards(termOf('key', key)).next().done === true;
  }

  /** An indexed line that can no longer be read: it was damaged since. */
  #reportDamage(offset: number, reason: string): void {
    const line = lineAt(offset, this.#journal);
    if (!this.#known.problems.some((problem) => problem.line === line)) this.#known.problems.push({ line, reason });
  }

  /** A refusal does not close a record that was accepted before: another process found the job meanwhile. */
  #isLate({ event, key }: LedgerEvent): boolean {
    if (event !== 'rejected' || !this.#known.openKeys.has(key)) return false;
    const earlier = this.eventsAt([...this.findBackwards(termOf('key', key))]);
    return earlier.some(({ event }) => event.event === 'accepted' && event.key === key);
  }

  #decode(text: string): DecodedLine {
    const event = this.#written.size > 0 ? this.#written.get(text) : undefined; // a look-up would hash the line
    if (event === undefined) return decodeLine(text);
    this.#written.delete(text);
    return { kind: 'event', event };
  }

  #clear(): void {
    this.#replacements++;
    this.#known = emptyKnowledge();
    this.#storedBytes = 0;
    this.#latest.clear();
    this.#tallies = [];
  }

  #load(): void {
    const stored = readIndexFile(this.#path);
    if (stored === undefined) return;
    const { covered, witness, postings, openKeys, problems } = stored;
    const [last] = this.#journal.readAt([covered.lastOffset]);
    const lastText = textAtEnd(last, covered);
    if (witnessOf(lastText) !== witness) return;
    this.#known = { covered, lastText, postings, openKeys: new Set(openKeys), problems: [...problems] };
    this.#storedBytes = covered.bytes;
  }

  #store(): void {
    const { lastText, openKeys, ...known } = this.#known;
    try {
      writeIndexFile(this.#path, { ...known, witness: witnessOf(lastText), openKeys: [...openKeys] });
      this.#storedBytes = known.covered.bytes;
    } catch {
      // A full disk or a read-only folder only costs time at the next start.
    }
  }
}

/** Adds an event, and drops the oldest of too many. */
function keep<K>(events: Map<K, LedgerEvent>, key: K, event: LedgerEvent): void {
  events.set(key, event);
  const [first = key] = events.keys();
  if (events.size > KEPT_EVENTS) events.delete(first);
}

function emptyKnowledge(): Knowledge {
  return {
    covered: { bytes: 0, lines: 0, lastOffset: 0 },
    lastText: null,
    postings: new Postings(),
    openKeys: new Set(),
    problems: [],
  };
}

/** The problem of an event without its intent. */
export function orphanReason({ event, key }: LedgerEvent): string {
  return `\`${event}\` of ${key}, whose \`intent\` is missing`;
}

/** The text of the last line covered; null if it does not end at the expected offset. */
function textAtEnd(last: JournalLine | undefined, covered: Coverage): string | null {
  return last?.end === covered.bytes ? last.text : null;
}

/** A hash of that text: only the ledger itself may contain prompts. */
function witnessOf(lastText: string | null): number | null {
  return lastText === null ? null : crc32(lastText);
}

/** Whether an event can open a record. */
function mayOpen(event: LedgerEvent): boolean {
  if (event.event === 'accepted' || event.event === 'seen') return !isTerminal(event.job.status);
  return event.event === 'intent';
}

/** Whether an event closes its record. */
function closes(event: LedgerEvent): boolean {
  if (event.event === 'accepted' || event.event === 'seen') return isTerminal(event.job.status);
  // A withdrawal may come too late: if the job was found at the same time, the record is open.
  if (event.event === 'rejected') return event.code !== WITHDRAWN && event.code !== ABANDONED;
  return event.event === 'removed';
}
