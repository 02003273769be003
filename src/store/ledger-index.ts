import { crc32 } from 'node:zlib';
import { ABANDONED, type LedgerEvent, WITHDRAWN } from '../domain/record.ts';
import { isTerminal } from '../domain/video.ts';
import type { Journal } from '../platform/journal.ts';
import type { JournalLine } from '../platform/line-reader.ts';
import { type Coverage, readIndexFile, writeIndexFile } from './ledger-index-file.ts';
import { type DecodedLine, decodeLine, encodeEvent, type LedgerProblem } from './ledger-line.ts';
import { lineAt } from './ledger-mark.ts';
import { Postings } from './ledger-postings.ts';
import { hashTerm, termOf, termsOf } from './ledger-terms.ts';

/** The index is stored again when more than this is uncovered, which bounds the reading at each start. */
const STORE_AFTER_BYTES = 1 << 20;

/** Caches events that the rows of a batch ask for repeatedly. */
const KEPT_EVENTS = 512;

/** An event, and the byte offset of its line. */
export interface LocatedEvent {
  readonly offset: number;
  readonly event: LedgerEvent;
}

const NOTHING: Coverage = { bytes: 0, lines: 0, lastOffset: 0 };

/**
 * Where in the journal each term occurs, and other facts that require reading all of it.
 * Derived from the journal: the copy on disk only saves time.
 */
export class LedgerIndex {
  readonly #journal: Journal;
  readonly #path: string;
  #covered: Coverage = NOTHING;
  /** The last line covered, which identifies the journal. */
  #lastText: string | null = null;
  #storedBytes = 0;
  #postings = new Postings();
  #openKeys = new Set<string>();
  #problems: LedgerProblem[] = [];
  #replacements = 0;
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
    return this.#openKeys;
  }

  /** The part of the journal covered so far. */
  get coveredBytes(): number {
    return this.#covered.bytes;
  }

  get problems(): readonly LedgerProblem[] {
    return this.#problems;
  }

  /** How often the journal had lost lines when it was read, so that all of it was read again. */
  get replacements(): number {
    return this.#replacements;
  }

  /** Reads lines appended by any process since the last time; or everything, if the journal was replaced. */
  refresh(): void {
    if (this.#journal.size() === this.#covered.bytes) return;
    for (const line of this.#unread()) this.#add(line);
    if (this.#covered.bytes - this.#storedBytes > STORE_AFTER_BYTES) this.#store();
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
    const lines = this.#journal.read(this.#covered.lastOffset);
    if (this.#covered.lines > 0 && textAtEnd(lines.next().value, this.#covered) !== this.#lastText) {
      lines.return(undefined);
      this.#clear();
      yield* this.#journal.read();
    } else yield* lines;
  }

  /** The events at these offsets, in this order; offsets without an event are skipped. */
  *eventsAt(offsets: readonly number[]): Generator<LocatedEvent> {
    const others = this.#journal.readAt(offsets.filter((offset) => !this.#latest.has(offset)));
    try {
      let other = others.next();
      for (const offset of offsets) {
        const known = this.#latest.get(offset);
        if (known !== undefined) yield { offset, event: known };
        else if (!other.done && other.value.offset === offset) {
          const decoded = decodeLine(other.value.text);
          other = others.next();
          if (decoded.kind === 'event') yield { offset, event: decoded.event };
          else this.#reportDamage(offset, decoded.kind === 'unreadable' ? decoded.reason : 'it is gone');
        } else this.#reportDamage(offset, 'it is gone');
      }
    } finally {
      others.return(undefined); // closes the file
    }
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
    return this.#postings.find(hashTerm(term));
  }

  #add(line: JournalLine): void {
    const { offset, end, text } = line;
    this.#covered = { bytes: end, lines: this.#covered.lines + 1, lastOffset: offset };
    this.#lastText = text;
    const decoded = this.#decode(text);
    if (decoded.kind === 'unreadable') this.#problems.push({ line: this.#covered.lines, reason: decoded.reason });
    if (decoded.kind !== 'event') return;
    if (this.#isOrphan(decoded.event)) {
      this.#problems.push({ line: this.#covered.lines, reason: orphanReason(decoded.event) });
    }
    keep(this.#latest, offset, decoded.event);
    const hashes = new Set(termsOf(decoded.event).map(hashTerm));
    for (const hash of hashes) this.#postings.add(hash, offset);
    if (mayOpen(decoded.event)) this.#openKeys.add(decoded.event.key);
    if (closes(decoded.event) && !this.#isLate(decoded.event)) this.#openKeys.delete(decoded.event.key);
  }

  #isOrphan({ event, key }: LedgerEvent): boolean {
    return event !== 'intent' && this.findBackwards(termOf('key', key)).next().done === true;
  }

  /** An indexed line that can no longer be read: it was damaged since. */
  #reportDamage(offset: number, reason: string): void {
    const line = lineAt(offset, this.#journal);
    if (!this.#problems.some((problem) => problem.line === line)) this.#problems.push({ line, reason });
  }

  /** A refusal does not close a record that was accepted before: another process found the job meanwhile. */
  #isLate({ event, key }: LedgerEvent): boolean {
    if (event !== 'rejected' || !this.#openKeys.has(key)) return false;
    const earlier = this.eventsAt([...this.findBackwards(termOf('key', key))]);
    return Array.from(earlier).some(({ event }) => event.event === 'accepted' && event.key === key);
  }

  #decode(text: string): DecodedLine {
    const event = this.#written.get(text);
    if (event === undefined) return decodeLine(text);
    this.#written.delete(text);
    return { kind: 'event', event };
  }

  #clear(): void {
    this.#replacements++;
    this.#covered = NOTHING;
    this.#lastText = null;
    this.#storedBytes = 0;
    this.#postings = new Postings();
    this.#openKeys = new Set();
    this.#problems = [];
    this.#latest.clear();
  }

  #load(): void {
    const stored = readIndexFile(this.#path);
    if (stored === undefined) return;
    const [last] = this.#journal.readAt([stored.covered.lastOffset]);
    const lastText = textAtEnd(last, stored.covered);
    if (witnessOf(lastText) !== stored.witness) return;
    this.#covered = stored.covered;
    this.#lastText = lastText;
    this.#storedBytes = stored.covered.bytes;
    this.#postings = stored.postings;
    this.#openKeys = new Set(stored.openKeys);
    this.#problems = [...stored.problems];
  }

  #store(): void {
    try {
      writeIndexFile(this.#path, {
        covered: this.#covered,
        witness: witnessOf(this.#lastText),
        postings: this.#postings,
        openKeys: [...this.#openKeys],
        problems: this.#problems,
      });
      this.#storedBytes = this.#covered.bytes;
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
