import { SoraError } from '../domain/errors.ts';
import type { Estimate } from '../domain/pricing.ts';
import { changesOf } from '../domain/request-changes.ts';
import type { VideoRequest } from '../domain/video.ts';
import { submit } from '../jobs/submit.ts';
import { Interrupt } from '../platform/host.ts';
import type { Context } from './context.ts';
import type { FollowedJob } from './follow-jobs.ts';
import { submitDeps } from './submit-deps.ts';

export interface CopiesOrder {
  readonly request: VideoRequest;
  /** Of one copy. */
  readonly price: Estimate | null;
  readonly count: number;
  readonly again: boolean;
}

export interface SubmittedCopies {
  readonly followed: readonly FollowedJob[];
  /** What kept the rest from being submitted; the copies before it go on. */
  readonly errors: readonly SoraError[];
}

/**
 * Submits a request as often as asked, one after the other, and stops at the
 * first refusal. A first Ctrl-C lets the create that is under way be answered,
 * so that its job is known.
 */
export async function submitCopies(
  { request, price, count, again }: CopiesOrder,
  context: Context,
): Promise<SubmittedCopies> {
  const { host, output, configuration } = context;
  const server = await context.server();
  const taken = new Set<string>();
  const followed: FollowedJob[] = [];
  const sayWait = (): void => {
    output.news('finishing the submission, so that its job is not lost; press Ctrl-C again to leave at once');
  };
  host.interrupt.addEventListener('abort', sayWait, { once: true });
  try {
    while (followed.length < count) {
      const { kind, record, job } = await submit(submitDeps(server, context), {
        server: server.identity,
        request,
        estimate: price,
        free: server.configuration.isSimulator,
        again,
        taken,
        maxCostPerDayMicros: configuration.maxCostPerDayMicros?.value ?? null,
        row: null,
      });
      taken.add(record.key);
      if (kind === 'attached') {
        output.note(
          `the same request is under way as ${record.job?.id}; going on with it, at no further cost (\`--again\` submits anew)`,
        );
      }
      if (kind === 'submitted' && job !== null) {
        for (const change of changesOf(request, job)) output.note(change);
      }
      followed.push({ id: job?.id ?? record.job?.id ?? record.key, server, record, known: job });
    }
  } catch (thrown) {
    const error = thrown instanceof Interrupt ? interrupted(followed.length, count, thrown) : thrown;
    if (!(error instanceof SoraError) || followed.length === 0) throw error;
    return { followed, errors: [error] };
  } finally {
    host.interrupt.removeEventListener('abort', sayWait);
  }
  return { followed, errors: [] };
}

function interrupted(done: number, count: number, cause: Interrupt): SoraError {
  const title = `interrupted; ${done === 0 ? 'nothing was submitted' : `${done} of ${count} were submitted`}`;
  return new SoraError('interrupted', { title, hints: ['run the same command again to go on'], cause });
}
