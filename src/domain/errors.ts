import { CATALOGUE, type CatalogueEntry, type ErrorCode } from './catalogue.ts';
import { type Facts, hintsFor } from './hints.ts';
import { redact } from './redact.ts';

export interface SoraErrorDetails {
  /** Replaces the catalogue's title where the case can be told more exactly. */
  readonly title?: string;
  /** Every single fault, when there are several. */
  readonly violations?: readonly string[];
  /** What the server, the network or the file system said, in its own words; what is secret in it by its form is left out. */
  readonly causedBy?: string | null;
  /** Replaces the catalogue's hints. */
  readonly hints?: readonly string[];
  /** Fills the catalogue's hints. */
  readonly facts?: Facts;
  /** HTTP status, when a server answered. */
  readonly status?: number | null;
  readonly requestId?: string | null;
  readonly jobId?: string | null;
  /** The ledger's key of the submission that it is about. */
  readonly submission?: string | null;
  readonly retryable?: boolean;
  /** How long the server asks to wait before the next try. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** The one error of this program: a code of the catalogue and the facts of the case. */
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
    const entry: CatalogueEntry = CATALOGUE[code];
    super(details.title ?? entry.title, { cause: details.cause });
    this.code = code;
    this.violations = details.violations ?? [];
    this.causedBy = details.causedBy ? redact(details.causedBy) : null;
    this.hints = details.hints ?? hintsFor(code, details.facts, this.causedBy);
    this.status = details.status ?? null;
    this.requestId = details.requestId ?? null;
    this.jobId = details.jobId ?? null;
    this.submission = details.submission ?? null;
    this.retryable = details.retryable ?? entry.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }

  /** The same error, told with more of the case. */
  with(details: SoraErrorDetails): SoraError {
    return new SoraError(this.code, {
      title: this.message,
      violations: this.violations,
      causedBy: this.causedBy,
      hints: this.hints,
      status: this.status,
      requestId: this.requestId,
      jobId: this.jobId,
      submission: this.submission,
      retryable: this.retryable,
      retryAfterMs: this.retryAfterMs,
      cause: this.cause,
      ...details,
    });
  }
}

/** Exit code 2 promises that nothing was sent, so a refusal by the server is a 1. */
export function exitCodeFor(error: SoraError): number {
  const { exitCode } = CATALOGUE[error.code];
  return exitCode === 2 && error.status !== null ? 1 : exitCode;
}
