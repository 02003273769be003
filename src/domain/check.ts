import type { ErrorCode } from './catalogue.ts';

export type CheckStatus = 'pass' | 'warn' | 'fail' | 'skip';

export interface CheckOutcome {
  readonly status: CheckStatus;
  /** What was seen. */
  readonly detail: string;
  /** How to fix it; each entry starts with a verb. */
  readonly remedy?: readonly string[];
  /** The error code of a failure, which decides the exit code. */
  readonly code?: ErrorCode;
}

export interface CheckResult extends CheckOutcome {
  readonly id: string;
  readonly title: string;
  readonly ms: number;
}
