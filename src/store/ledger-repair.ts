import { readFileSync } from 'node:fs';
import { Journal, TORN_MARK } from '../platform/journal.ts';
import { NEWLINE } from '../platform/line-reader.ts';
import { orphanReason } from './ledger-index.ts';
import { decodeLine, isSealed, type LedgerProblem } from './ledger-line.ts';
import { contentOf, LedgerMark, lossOf } from './ledger-mark.ts';

/** Longer lines contain prompts of thousands of words; trying each of their bits would take minutes. */
const LONGEST_REPAIRED_BYTES = 16 << 10;

/** A damaged part of a ledger. */
export interface LedgerDamage extends LedgerProblem {
  /** What the user should know before the line is removed. */
  readonly mayHide: string;
}

export interface LedgerCheck {
  readonly lines: number;
  /** Lines restored exactly, with their checksums. */
  readonly repaired: readonly number[];
  readonly damage: readonly LedgerDamage[];
  /** The file without damaged lines, with repaired ones. */
  readonly text: string;
}

/**
 * Reads a whole ledger. A single flipped bit is found and undone with the checksum; other damage is listed with what
 * it may hide.
 */
export function checkLedger(path: string): LedgerCheck {
  const journal = new Journal(path);
  const mark = new LedgerMark(journal).current;
  const bytes = journal.exists ? readFileSync(path) : null;
  const { damage, text, ...check } = checkLines(bytes ?? Buffer.of());
  const isRestored = damage.length === 0 && check.repaired.length > 0;
  const loss = lossOf(mark, bytes === null ? journal : contentOf(isRestored ? Buffer.from(text) : bytes));
  if (loss === null) return { ...check, damage, text };
  const mayHide = 'submissions that were sent, and the ids of their jobs';
  return { ...check, damage: [...damage, { ...loss, mayHide }], text };
}

function checkLines(bytes: Buffer): LedgerCheck {
  const raw = splitLines(bytes);
  const kept: string[] = [];
  const repaired: number[] = [];
  const damage: LedgerDamage[] = [];
  const keys = new Set<string>();
  const keep = (text: string, line: number): void => {
    const decoded = decodeLine(text);
    if (decoded.kind !== 'event') return void kept.push(text);
    const { event } = decoded;
    if (event.event !== 'intent' && !keys.has(event.key)) {
      damage.push({ line, reason: orphanReason(event), mayHide: describeOrphan(event) });
      return;
    }
    keys.add(event.key);
    kept.push(text);
  };
  for (let at = 0; at < raw.length; at++) {
    const line = raw[at] ?? Buffer.of();
    const decoded = decodeLine(line.toString());
    if (decoded.kind !== 'unreadable') {
      keep(line.toString(), at + 1);
      continue;
    }
    const next = raw[at + 1];
    const restored = withoutByteOrderMark(line) ?? withOneBitFlipped(line) ?? (next && joined(line, next));
    if (restored === undefined) {
      damage.push({ line: at + 1, reason: decoded.reason, mayHide: describeLoss(line.toString()) });
      continue;
    }
    repaired.push(at + 1);
    for (const text of restored.lines) keep(text, at + 1);
    if (restored.usesNext) at++;
  }
  return { lines: raw.length, repaired, damage, text: kept.map((line) => `${line}\n`).join('') };
}

interface Restored {
  readonly lines: readonly string[];
  readonly usesNext?: true;
}

/** The lines; text after the last newline is a torn line, unless it is complete. */
function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1) {
      lines.push(Buffer.concat([bytes.subarray(start), Buffer.from(TORN_MARK)]));
      break;
    }
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

/** Some editors put one before the first line. */
function withoutByteOrderMark(line: Buffer): Restored | undefined {
  const text = line.toString().replace(/^\ufeff/, '');
  return isWhole(Buffer.from(text)) ? { lines: [text] } : undefined;
}

function withOneBitFlipped(line: Buffer): Restored | undefined {
  if (line.length > LONGEST_REPAIRED_BYTES) return undefined;
  for (let at = 0; at < line.length; at++) {
    for (let bit = 1; bit < 256; bit <<= 1) {
      const flipped = Buffer.from(line);
      flipped[at] = (line[at] ?? 0) ^ bit;
      const parts = flipped[at] === NEWLINE ? [flipped.subarray(0, at), flipped.subarray(at + 1)] : [flipped];
      if (parts.every(isWhole)) return { lines: parts.map(String) };
    }
  }
  return undefined;
}

/** Two lines that were one before a bit flip created a newline. */
function joined(line: Buffer, next: Buffer): Restored | undefined {
  for (let bit = 1; bit < 256; bit <<= 1) {
    const whole = Buffer.concat([line, Buffer.of(NEWLINE ^ bit), next]);
    if (isWhole(whole)) return { lines: [whole.toString()], usesNext: true };
  }
  return undefined;
}

/** Whether a line has a correct checksum. */
function isWhole(line: Buffer): boolean {
  const text = line.toString();
  return isSealed(text) === true && decodeLine(text).kind === 'event';
}

function describeOrphan(event: Parameters<typeof orphanReason>[0]): string {
  const job = 'job' in event ? `; its job is ${event.job.id}` : '';
  return `a submission that was sent, and what it asked for${job}`;
}

/** The names still readable in a damaged line, for the user to look up. */
function describeLoss(text: string): string {
  const names = [...new Set(text.match(/\b(sub_\w{8,}|video_\w+)/g) ?? [])].slice(0, 4);
  if (names.length > 0) return `what it contains about ${names.join(', ')}`;
  return 'a submission, or the id of its job';
}
