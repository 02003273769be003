import { crc32 } from 'node:zlib';
import { ABANDONED, type LedgerEvent, WITHDRAWN } from '../domain/record.ts';
import { isTerminal } from '../domain/video.ts';
import type { Journal, JournalLine } from '../platform/journal.ts';
import { type Coverage, readIndexFile, writeIndexFile } from './ledger-index-file.ts';
import { decodeLine, type LedgerProblem } from './ledger-line.ts';
import { Postings } from './ledger-postings.ts';
import { hashTerm, keyTerm, termsOf } from './ledger-terms.ts';

/** A journal whose end is longer than this has its index stored anew, so that no start has more to read. */
const STORE_AFTER_BYTES = 1 << 20;

/** What many rows under way ask about again and again need not be read and understood anew each time. */
const KEPT_EVENTS = 512;

/** An event, and the byte offset of its line. */
export interface LocatedEvent {
  readonly offset: number;
  readonly event: LedgerEvent;
}

const NOTHING: Coverage = { bytes: 0, lines: 0, lastOffset: 0 };

/**
 * Where in the journal each term occurs, and what else it takes a whole reading to know.
 * All of it is derived from the journal: what is stored on the disk only saves time.
 */
export class LedgerIndex {
  readonly #journal: Journal;
  readonly #path: string;
  #covered: Coverage = NOTHING;
  /** The last line covered, which tells one journal from another. */
  #lastText: string | null = null;
  #storedBytes = 0;
  #postings = new Postings();
  #openKeys = new Set<string>();
  #problems: LedgerProblem[] = [];
  /** The latest events, by their offsets. */
  readonly #latest = new Map<number, LedgerEvent>();

  /** Starts from what is stored at `path`, if that is of this journal. */
  constructor(journal: Journal, path: string) {
    this.#journal = journal;
    this.#path = path;
    this.#load();
  }

  /** Keys of all open records, and perhaps of a few that are not. */
  get openKeys(): ReadonlySet<string> {
    return this.#openKeys;
  }

  /** How much of the journal the answers are of. */
  get coveredBytes(): number {
    return this.#covered.bytes;
  }

  get problems(): readonly LedgerProblem[] {
    return this.#problems;
  }

  /** Reads what has been appended since the last time, by whomever; or everything, if it is another journal now. */
  refresh(): void {
    if (this.#journal.size() === this.#covered.bytes) return;
    for (const line of this.#unread()) this.#add(line);
    if (this.#covered.bytes - this.#storedBytes > STORE_AFTER_BYTES) this.#store();
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

  /** The events at these offsets, in the order asked; where none is, none is given. */
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

  /** Offsets of the lines that have one of the terms, in file order; a few of them may have none, as hashes collide. */
  find(terms: Iterable<string>): number[] {
    const offsets = new Set<number>();
    for (const term of terms) {
      for (const offset of this.findBackwards(term)) offsets.add(offset);
    }
    return [...offsets].sort((a, b) => a - b);
  }

  /** The same of one term, from the end of the file on. */
  findBackwards(term: string): Generator<number> {
    return this.#postings.find(hashTerm(term));
  }

  #add(line: JournalLine): void {
    const { offset, end, text } = line;
    this.#covered = { bytes: end, lines: this.#covered.lines + 1, lastOffset: offset };
    this.#lastText = text;
    const decoded = decodeLine(text);
    if (decoded.kind === 'unreadable') this.#problems.push({ line: this.#covered.lines, reason: decoded.reason });
    if (decoded.kind !== 'event') return;
    if (this.#isOrphan(decoded.event)) {
      this.#problems.push({ line: this.#covered.lines, reason: orphanReason(decoded.event) });
    }
    this.#keep(offset, decoded.event);
    const hashes = new Set(termsOf(decoded.event).map(hashTerm));
    for (const hash of hashes) this.#postings.add(hash, offset);
    if (mayOpen(decoded.event)) this.#openKeys.add(decoded.event.key);
    if (closes(decoded.event) && !this.#isLate(decoded.event)) this.#openKeys.delete(decoded.event.key);
  }

  #isOrphan({ event, key }: LedgerEvent): boolean {
    return event !== 'intent' && this.findBackwards(keyTerm(key)).next().done === true;
  }

  /** A line that the index knows and that cannot be read any more: it was damaged since. */
  #reportDamage(offset: number, reason: string): void {
    let line = 1;
    for (const earlier of this.#journal.read()) {
      if (earlier.end > offset) break;
      line++;
    }
    if (!this.#problems.some((problem) => problem.line === line)) this.#problems.push({ line, reason });
  }

  /** A refusal closes nothing that was accepted before: another process has found the job meanwhile. */
  #isLate({ event, key }: LedgerEvent): boolean {
    if (event !== 'rejected' || !this.#openKeys.has(key)) return false;
    const earlier = this.eventsAt([...this.findBackwards(keyTerm(key))]);
    return Array.from(earlier).some(({ event }) => event.event === 'accepted' && event.key === key);
  }

  #keep(offset: number, event: LedgerEvent): void {
    this.#latest.set(offset, event);
    if (this.#latest.size <= KEPT_EVENTS) return;
    for (const first of this.#latest.keys()) {
      this.#latest.delete(first);
      break;
    }
  }

  #clear(): void {
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
      // A full disk or a read-only folder costs time at the next start, and nothing else.
    }
  }
}

/** What is wrong with an event that stands alone. */
export function orphanReason({ event, key }: LedgerEvent): string {
  return `\`${event}\` of ${key}, whose \`intent\` is missing`;
}

/** The text of the last line covered; null where that does not end where it should. */
function textAtEnd(last: JournalLine | undefined, covered: Coverage): string | null {
  return last?.end === covered.bytes ? last.text : null;
}

/** What the index file keeps of that text: only the ledger itself holds prompts. */
function witnessOf(lastText: string | null): number | null {
  return lastText === null ? null : crc32(lastText);
}

/** An event after which a record may be open that was closed, or was not there. */
function mayOpen(event: LedgerEvent): boolean {
  if (event.event === 'accepted' || event.event === 'seen') return !isTerminal(event.job.status);
  return event.event === 'intent';
}

/** An event after which no record is open. */
function closes(event: LedgerEvent): boolean {
  if (event.event === 'accepted' || event.event === 'seen') return isTerminal(event.job.status);
  // Who takes a submission back may come too late: it is open when it was found in the same moment.
  if (event.event === 'rejected') return event.code !== WITHDRAWN && event.code !== ABANDONED;
  return event.event === 'removed';
}
