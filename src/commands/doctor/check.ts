import type { Context } from '../../app/context.ts';
import type { CheckOutcome, CheckResult } from '../../domain/check.ts';
import { type SoraError, soraErrorOf } from '../../domain/errors.ts';
import type { ExaminedServer } from './examined-server.ts';

export type CheckDeps = Pick<
  Context,
  'host' | 'paths' | 'fileLedger' | 'sharedLedgerUrl' | 'postgresLedger' | 'configuration' | 'env' | 'servers'
>;

/** What is examined. Parts that may be broken are read where they are needed, so that their checks report the error. */
export interface Subject {
  readonly deps: CheckDeps;
  /** Throws `invalid_config`, or the error of the chosen server. */
  server(): ExaminedServer;
}

/** One check. It runs as soon as the checks it needs have ended, and is skipped if one of them failed. */
export interface Check {
  readonly id: string;
  readonly title: string;
  /** Checks that must pass first. */
  readonly needs: readonly string[];
  /** Throws a `SoraError` to fail with its message. */
  readonly run: (subject: Subject) => Promise<CheckOutcome> | CheckOutcome;
}

export function check(id: string, title: string, needs: readonly string[], run: Check['run']): Check {
  return { id, title, needs, run };
}

export function pass(detail: string): CheckOutcome {
  return { status: 'pass', detail };
}

export function warn(detail: string, ...remedy: readonly string[]): CheckOutcome {
  return { status: 'warn', detail, remedy };
}

export function skip(detail: string, ...remedy: readonly string[]): CheckOutcome {
  return { status: 'skip', detail, remedy };
}

/** A failure with the message of its error. */
export function failure(error: SoraError): CheckOutcome {
  const detail = [error.message, ...error.violations, ...(error.causedBy === null ? [] : [error.causedBy])].join('; ');
  const remedy = error.hints.filter((hint) => !hint.includes('`sora doctor`')); // which is running already
  return { status: 'fail', detail, remedy, code: error.code };
}

/** A result, and the failure that blocks dependent checks: this one, or an earlier one. */
interface Step {
  readonly result: CheckResult;
  readonly obstacle: CheckResult | null;
}

/** Runs independent checks in parallel; the results keep the order of the checks. `onEnd` gets each as its check ends. */
export async function runChecks(
  checks: readonly Check[],
  subject: Subject,
  onEnd: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const steps = new Map<string, Promise<Step>>();
  const start = (check: Check): Promise<Step> => {
    const started = steps.get(check.id);
    if (started !== undefined) return started;
    const needed = checks.filter(({ id }) => check.needs.includes(id)).map(start);
    const step = runStep(check, needed, subject).then((ended) => {
      onEnd(ended.result);
      return ended;
    });
    steps.set(check.id, step);
    return step;
  };
  return withoutEchoes((await Promise.all(checks.map(start))).map(({ result }) => result));
}

/** Parallel checks may fail for the same reason: only the first one reports it. */
function withoutEchoes(results: readonly CheckResult[]): CheckResult[] {
  return results.map((result, at) => {
    const { id, title, ms, status, detail, code } = result;
    const before = results
      .slice(0, at)
      .find(
        (earlier) =>
          status === 'fail' && earlier.status === status && earlier.code === code && earlier.detail === detail,
      );
    return before === undefined ? result : { id, title, ms, ...skip(`skipped: fix "${before.title}" first`) };
  });
}

async function runStep(check: Check, needed: readonly Promise<Step>[], subject: Subject): Promise<Step> {
  const { id, title } = check;
  const obstacle = (await Promise.all(needed)).find((step) => step.obstacle !== null)?.obstacle ?? null;
  if (obstacle !== null) {
    return { result: { id, title, ms: 0, ...skip(`skipped: fix "${obstacle.title}" first`) }, obstacle };
  }
  const { clock } = subject.deps.host;
  const startedMs = clock.now();
  const run = async (): Promise<CheckOutcome> => check.run(subject);
  const outcome = await run().catch((thrown: unknown) => failure(soraErrorOf(thrown)));
  const result = { id, title, ms: Math.round(clock.now() - startedMs), ...outcome };
  return { result, obstacle: result.status === 'fail' ? result : null };
}
