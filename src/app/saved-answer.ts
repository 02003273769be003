import type { JobSummary } from '../domain/summary.ts';
import { cleanLine } from '../output/clean-text.ts';
import { jobJson } from '../output/job-view.ts';
import { shortPath } from '../output/short-path.ts';
import type { CommandResult } from './command.ts';
import type { Context } from './context.ts';
import type { FilePlan } from './save-files.ts';

/**
 * The paths of what was saved, a line each; the ids where nothing was to be saved
 * (no plan). No answer where standard output is the video itself.
 */
export function savedAnswer(
  summaries: readonly JobSummary[],
  plan: FilePlan | null,
  { host }: Context,
): Pick<CommandResult, 'answer'> {
  if (summaries.length === 0 || plan?.destination.kind === 'stdout') return {};
  const documents = summaries.map((summary) => jobJson(summary));
  const lines = summaries.flatMap(({ id, files }) =>
    plan === null ? [cleanLine(id ?? '')] : files.map(({ path }) => shortPath(path, host.cwd)),
  );
  const [only = {}] = documents;
  return {
    answer: {
      data: documents.length === 1 ? only : { jobs: documents },
      view: () => lines.map((line) => `${line}\n`).join(''),
    },
  };
}
