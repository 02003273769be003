import { relative } from 'node:path';
import type { JobSummary } from '../domain/summary.ts';
import { jobJson } from '../output/job-view.ts';
import type { Answer } from '../output/output.ts';
import type { Context } from './context.ts';

/** The paths of what was saved, a line each; ids where nothing was. */
export function savedAnswer(summaries: readonly JobSummary[], { host }: Context): Answer {
  const [first] = summaries;
  return {
    data: summaries.length === 1 && first ? jobJson(first) : { jobs: summaries.map((summary) => jobJson(summary)) },
    view: () => summaries.flatMap((summary) => linesOf(summary, host.cwd)).join(''),
  };
}

function linesOf({ id, files }: JobSummary, cwd: string): string[] {
  const lines = files.length > 0 ? files.map(({ path }) => shortPath(path, cwd)) : [id ?? ''];
  return lines.map((line) => `${line}\n`);
}

/** A path below the working folder is told relative to it. */
function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
