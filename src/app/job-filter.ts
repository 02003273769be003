import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { JobRecord } from '../domain/record.ts';
import type { JobSummary } from '../domain/summary.ts';
import { JOB_STATUSES } from '../domain/video.ts';
import { truePath } from '../platform/files.ts';
import type { Host } from '../platform/host.ts';
import { inGroup, type OptionValues, option, parseSinceMs } from './option-values.ts';

/** The options that choose among jobs. */
export const FILTER_OPTIONS = inGroup('Filter:', {
  status: option('--status <name>', 'only jobs with this status (repeatable)', {
    choices: JOB_STATUSES,
    repeatable: true,
  }),
  model: option('-m, --model <name>', 'only jobs of this model'),
  since: option('--since <age|date>', 'only jobs since then: 2h, 7d or 2026-03-12'),
  search: option('--search <text>', 'only jobs whose prompt contains this text'),
  batch: option('--batch <file>', 'only jobs of this manifest'),
});

/** The conditions for a job. The status may change while jobs are refreshed, so it is a separate condition. */
export interface JobFilter {
  readonly hasStatus: (job: JobSummary) => boolean;
  /** `record` is what the ledger knows of the job. */
  readonly matches: (job: JobSummary, record: JobRecord | undefined) => boolean;
  /** Nothing older can match; null without a limit. */
  readonly sinceMs: number | null;
}

export function readFilter(
  { status, model, since, search, batch }: OptionValues<typeof FILTER_OPTIONS>,
  { clock, cwd }: Pick<Host, 'clock' | 'cwd'>,
  faults: string[],
): JobFilter {
  const sinceMs = parseSinceMs(since, clock.now(), faults);
  const wantedText = search?.toLowerCase();
  const wantedModel = model?.toLowerCase();
  const isOfBatch = batch === undefined ? () => true : batchMatcher(batch, cwd);
  return {
    sinceMs,
    hasStatus: (job) => status === undefined || status.includes(job.status),
    matches: (job, record) =>
      (wantedModel === undefined || job.model?.toLowerCase() === wantedModel) &&
      (sinceMs === null || (job.createdAtMs ?? 0) >= sinceMs) &&
      (wantedText === undefined || (job.prompt ?? '').toLowerCase().includes(wantedText)) &&
      isOfBatch(record?.batch ?? null),
  };
}

/** A manifest by its path, or by the end of the path where the file is gone; `-` is standard input. */
function batchMatcher(file: string, cwd: string): (batch: string | null) => boolean {
  const path = resolve(cwd, file);
  const whole = existsSync(path) ? truePath(path) : path;
  return (batch) => batch !== null && (batch === whole || batch.endsWith(`/${file}`) || batch.endsWith(`\\${file}`));
}
