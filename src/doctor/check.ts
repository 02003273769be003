import type { CheckOutcome, CheckResult } from '../domain/check.ts';
import { SoraError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';

/** One thing to look at. It runs as soon as what it needs has ended, and not at all when that makes it pointless. */
export interface Check<S> {
  readonly id: string;
  readonly title: string;
  /** Checks without which this one can say nothing. */
  readonly needs: readonly string[];
  /** Throws a `SoraError` to fail with its words. */
  run(subject: S): Promise<CheckOutcome> | CheckOutcome;
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

/** A failure in the words of the error behind it. */
export function failure(error: SoraError): CheckOutcome {
  const detail = [error.message, ...error.violations, ...(error.causedBy === null ? [] : [error.causedBy])].join('; ');
  const remedy = error.hints.filter((hint) => !hint.includes('`sora doctor`')); // which is running
  return { status: 'fail', detail, remedy, code: error.code };
}

/** A result, and the failure that stands in the way of whoever needs it: itself, or one further back. */
interface Step {
  readonly result: CheckResult;
  readonly obstacle: CheckResult | null;
}

/**
 * Runs checks side by side where they do not depend on each other; the results keep the order of the checks. `onEnd` hears
 * each as it ends.
 */
export async function runChecks<S>(
  checks: readonly Check<S>[],
  subject: S,
  clock: Clock,
  onEnd: (result: CheckResult) => void = () => {},
): Promise<CheckResult[]> {
  const steps = new Map<string, Promise<Step>>();
  const start = (check: Check<S>): Promise<Step> => {
    const started = steps.get(check.id);
    if (started !== undefined) return started;
    const needed = checks.filter(({ id }) => check.needs.includes(id)).map(start);
    const step = runStep(check, needed, subject, clock).then((ended) => {
      onEnd(ended.result);
      return ended;
    });
    steps.set(check.id, step);
    return step;
  };
  return withoutEchoes((await Promise.all(checks.map(start))).map(({ result }) => result));
}

/** Checks that ran side by side may meet the same obstacle: it is told once, by the first of them. */
function withoutEchoes(results: readonly CheckResult[]): CheckResult[] {
  return results.map((result, at) => {
    const { id, title, ms, status, detail, code } = result;
    const before = results
      .slice(0, at)
      .find(
        (earlier) =>
          status === 'fail' && earlier.status === status && earlier.code === code && earlier.detail === detail,
      );
    return before === undefined ? result : { id, title, ms, ...skip(`pointless before "${before.title}" is mended`) };
  });
}

async function runStep<S>(check: Check<S>, needed: readonly Promise<Step>[], subject: S, clock: Clock): Promise<Step> {
  const { id, title } = check;
  const obstacle = (await Promise.all(needed)).find((step) => step.obstacle !== null)?.obstacle ?? null;
  if (obstacle !== null) {
    return { result: { id, title, ms: 0, ...skip(`pointless before "${obstacle.title}" is mended`) }, obstacle };
  }
  const startedMs = clock.now();
  const outcome = await attempt(check, subject);
  const result = { id, title, ms: Math.round(clock.now() - startedMs), ...outcome };
  return { result, obstacle: result.status === 'fail' ? result : null };
}

async function attempt<S>(check: Check<S>, subject: S): Promise<CheckOutcome> {
  try {
    return await check.run(subject);
  } catch (error) {
    if (error instanceof SoraError) return failure(error);
    throw error;
  }
}
