import type { JobSummary } from '../domain/summary.ts';
import { jobJson, renderJob, renderJobs } from '../output/job-view.ts';
import type { Answer } from '../output/output.ts';
import type { Context } from './context.ts';

export interface JobAnswerForm {
  readonly isNamedAlone?: boolean;
  /** Says of each job whose it is. */
  readonly withProfile?: boolean;
}

/** One job by name is a document of its own; anything else is a list. */
export function jobAnswer(
  jobs: readonly JobSummary[],
  { isNamedAlone = false, withProfile = false }: JobAnswerForm,
  { host }: Context,
): Answer {
  const nowMs = host.clock.now();
  const [only] = jobs;
  if (isNamedAlone && only !== undefined) {
    return { data: jobJson(only), view: (surface) => renderJob(only, nowMs, surface) };
  }
  return {
    data: { jobs: jobs.map((job) => jobJson(job)) },
    view: (surface) => (jobs.length === 0 ? '' : renderJobs(jobs, nowMs, surface, withProfile)),
  };
}
