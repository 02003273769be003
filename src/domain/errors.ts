import { type ErrorCode, errorEntry } from './catalogue.ts';
import { type Facts, hintsFor } from './hints.ts';
import { redact } from './redact.ts';

export interface SoraErrorDetails {
  /** Replaces the catalogue's title with a more specific one. */
  readonly title?: string;
  /** All problems, if there are several. */
  readonly violations?: readonly string[];
  /** The cause as the server, the network or the file system reported it; text that looks like a secret is redacted. */
  readonly causedBy?: string | null;
  /** Replaces the catalogue's hints. */
  readonly hints?: readonly string[];
  /** Fills in the catalogue's hints. */
  readonly facts?: Facts;
  /** HTTP status, if a server responded. */
  readonly status?: number | null;
  readonly requestId?: string | null;
  readonly jobId?: string | null;
  /** The ledger's key of the submission that it is about. */
  readonly submission?: string | null;
  readonly retryable?: boolean;
  /** How long the server asks to wait before a retry. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** The program's only error class: a code from the catalogue and the facts. */
export class SoraError extends Error {
  override readonly name = 'SoraError';
  readonly code: ErrorCode;
  readonly violations: readonly string[];
  readonly causedBy: string | null;
  readonly hints: readonly string[];
  readonly status: number | null;
  readonly requestId: string | null;
  readonly jobId: string | null;
  readonly submission: string | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, details: SoraErrorDetails = {}) {
    const { title, retryable } = errorEntry(code);
    super(details.title ?? title, { cause: details.cause });
    this.code = code;
    this.violations = details.violations ?? [];
    this.causedBy = details.causedBy ? redact(details.causedBy) : null;
    this.hints = details.hints ?? hintsFor(code, details.facts, this.causedBy);
    this.status = details.status ?? null;
    this.requestId = details.requestId ?? null;
    this.jobId = details.jobId ?? null;
    this.submission = details.submission ?? null;
    this.retryable = details.retryable ?? retryable;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }

  /** A copy of the error with some details replaced. */
  with(details: SoraErrorDetails): SoraError {
    return new SoraError(this.code, { ...this, title: this.message, cause: this.cause, ...details });
  }

  /** The same refusal under a code that fits its context better, with the words and hints of that code. */
  as(code: ErrorCode, details: SoraErrorDetails = {}): SoraError {
    const { causedBy, status, requestId } = this;
    return new SoraError(code, { causedBy, status, requestId, ...details });
  }
}

/** What was thrown, as a result. Throws anything but a `SoraError`, which is a bug. */
export function soraErrorOf(thrown: unknown): SoraError {
  if (thrown instanceof SoraError) return thrown;
  throw thrown;
}

/** The words of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Exit code 2 promises that nothing was sent, so a refusal by a server exits with 1. */
export function exitCodeFor(error: SoraError): number {
  const { exitCode } = errorEntry(error.code);
  return exitCode === 2 && error.status !== null ? 1 : exitCode;
}

/** What the exit codes of `sora` mean; they are a public interface. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed: server, network, file system, or unexpected'],
  ['2', 'wrong usage, request, manifest or settings; nothing was sent'],
  ['4', 'no key, key rejected, organisation not verified, or no access to the model'],
  ['5', 'the job failed, was blocked by moderation, was cancelled or expired'],
  ['6', 'some rows of a batch failed or have an unknown outcome'],
  ['7', 'out of quota, billing limit, over a cap, or not approved'],
  ['8', 'still running when the wait ended; the job continues'],
  ['129, 130, 143', 'hung up, interrupted, terminated'],
];
