import { isoTime } from '../domain/day.ts';
import { formatUsd } from '../domain/money.ts';
import type { SavedFile } from '../domain/record.ts';
import type { JobSummary } from '../domain/summary.ts';
import { cleanLine } from './clean-text.ts';
import { costJson } from './cost-view.ts';
import type { Answer } from './output.ts';
import type { Palette, Surface } from './surface.ts';
import { type Fact, renderFacts, renderTable } from './table.ts';

/** A job for programs; the keys are a public interface. */
export function jobJson(job: JobSummary): Record<string, unknown> {
  return {
    id: job.id,
    profile: job.profile,
    status: job.status,
    server_status: job.serverStatus,
    progress: job.progress,
    model: job.model,
    prompt: job.prompt,
    seconds: job.seconds,
    size: job.size,
    created_at: isoTime(job.createdAtMs),
    completed_at: isoTime(job.completedAtMs),
    expires_at: isoTime(job.expiresAtMs),
    remixed_from: job.remixedFrom,
    error: job.error,
    cost: costJson(job.estimatedMicros, job.priceList, job.actualMicros),
    files: job.files.map(fileJson),
    request_id: job.requestId,
    submission: job.submission,
  };
}

function fileJson({ link, ...file }: SavedFile): Record<string, unknown> {
  return link === undefined ? file : { ...file, url: link.url, url_expires_at: isoTime(link.expiresAtMs) };
}

/** The shape of `jobJson`, for the help. */
export const JOB_JSON_SHAPE =
  '{"id","profile","status","server_status","progress","model","prompt","seconds","size","created_at","completed_at","expires_at","remixed_from","error":{"code","message"},"cost":{"estimated_usd","actual_usd","price_list"},"files":[{"variant","path","bytes","sha256"}],"request_id","submission"}';

/** How jobs are shown. */
export interface JobsForm {
  readonly nowMs: number;
  /** The short ids shown to people. */
  readonly shorten: (ids: readonly string[]) => Promise<readonly string[]>;
  /** A single requested job is a document; anything else is a list. */
  readonly isNamedAlone?: boolean;
  readonly withProfile?: boolean;
}

/** Jobs as the answer of a command. */
export function jobsAnswer(jobs: readonly JobSummary[], form: JobsForm): Answer {
  const [only] = jobs;
  if (form.isNamedAlone && only !== undefined) {
    return { data: jobJson(only), view: (surface) => renderJob(only, form, surface) };
  }
  return {
    data: { jobs: jobs.map((job) => jobJson(job)) },
    view: (surface) => (jobs.length === 0 ? '' : renderJobs(jobs, form, surface)),
  };
}

/** Several jobs, a row each: for people what fits the terminal; for programs whole ids and exact times. */
export function renderJobs(jobs: readonly JobSummary[], form: JobsForm, surface: Surface): Promise<string> {
  return surface.isTerminal ? renderShortJobs(jobs, form, surface) : renderWholeJobs(jobs, form, surface);
}

const LONGEST_ID = 24;
const LONGEST_NAME = 20;
const LONGEST_STATUS = 60;

async function renderShortJobs(jobs: readonly JobSummary[], form: JobsForm, surface: Surface): Promise<string> {
  const { nowMs, shorten, withProfile = false } = form;
  const sources = jobs.flatMap(({ remixedFrom }) => remixedFrom ?? []);
  const names = [...jobs.map(wholeId), ...sources];
  const short = new Map((await shorten(names)).map((name, at) => [names[at], cleanLine(name, LONGEST_ID)]));
  const withSource = sources.length > 0;
  const head = ['ID', 'STATUS', 'DONE', 'AGE', 'PROMPT', 'MODEL', 'LENGTH', 'SIZE', 'COST'];
  const rows = jobs.map((job) => [
    ...(withProfile ? [cleanLine(job.profile, LONGEST_NAME)] : []),
    short.get(wholeId(job)) ?? '',
    job.status,
    job.status === 'completed' ? '' : percentOf(job),
    formatAge(job.createdAtMs, nowMs),
    job.prompt ?? '',
    cleanLine(job.model ?? '', LONGEST_NAME),
    lengthOf(job),
    job.size ?? '',
    shortCost(job),
    ...(withSource ? [short.get(job.remixedFrom ?? '') ?? ''] : []),
  ]);
  return renderTable(
    {
      head: [...(withProfile ? ['PROFILE'] : []), ...head, ...(withSource ? ['FROM'] : [])],
      rows,
      flexible: 'PROMPT',
      roomy: ['MODEL', 'LENGTH', 'FROM', 'DONE'],
      optional: ['SIZE', 'COST', 'AGE'],
      paint: (cell, column) => (column === 'STATUS' ? paintStatus(cell, surface.palette) : cell),
    },
    surface,
  );
}

/** The columns are a public interface: id, status, progress, model, length, size, time, prompt; before them, if asked for, the profile. */
function renderWholeJobs(
  jobs: readonly JobSummary[],
  { withProfile = false }: JobsForm,
  surface: Surface,
): Promise<string> {
  const rows = jobs.map((job) => [
    ...(withProfile ? [job.profile] : []),
    wholeId(job),
    job.status,
    percentOf(job),
    job.model ?? '',
    lengthOf(job),
    job.size ?? '',
    isoTime(job.createdAtMs) ?? '',
    job.prompt ?? '',
  ]);
  return renderTable({ head: [], rows }, surface);
}

function wholeId({ id, submission }: JobSummary): string {
  return id ?? submission ?? '';
}

function percentOf({ progress }: JobSummary): string {
  return progress === null ? '' : `${progress}%`;
}

function lengthOf({ seconds }: JobSummary): string {
  return seconds === null ? '' : `${seconds}s`;
}

/** Empty if it is unknown. */
export function shortCost({ free, estimatedMicros, actualMicros }: JobSummary): string {
  if (free || (actualMicros === null && estimatedMicros === 0)) return 'free'; // simulated, or a server of one's own
  const micros = actualMicros ?? estimatedMicros;
  return micros === null ? '' : formatUsd(micros);
}

/** One job, a line a fact. */
export function renderJob(job: JobSummary, form: JobsForm, surface: Surface): Promise<string> | string {
  if (!surface.isTerminal) return renderJobs([job], form, surface);
  const { palette } = surface;
  const { nowMs } = form;
  const done = job.progress === null || job.status === 'completed' ? '' : ` ${job.progress}%`;
  const word =
    job.serverStatus !== null && job.status === 'unknown'
      ? ` (the server says \`${cleanLine(job.serverStatus, LONGEST_STATUS)}\`)`
      : '';
  const facts: Fact[] = [
    ['id', job.id === null ? `unknown; submission ${job.submission}` : cleanLine(job.id)],
    ['status', `${paintStatus(job.status, palette)}${done}${cleanLine(word)}`],
    ['error', job.error && cleanLine([job.error.code, job.error.message].filter(Boolean).join(': '))],
    ['prompt', job.prompt && cleanLine(job.prompt, Math.max(20, (surface.columns - 12) * 2))],
    ['source', job.remixedFrom && cleanLine(job.remixedFrom)],
    ['video', cleanLine([job.model, job.seconds && `${job.seconds} s`, job.size].filter(Boolean).join(', '))],
    ['created', job.createdAtMs === null ? null : `${formatAge(job.createdAtMs, nowMs)} ago, through ${job.profile}`],
    [
      (job.expiresAtMs ?? 0) > nowMs ? 'expires' : 'expired',
      job.expiresAtMs && job.status === 'completed' ? formatExpiry(job.expiresAtMs, nowMs) : null,
    ],
    ['cost', costInWords(job)],
    ...job.files.map(({ path }): Fact => ['file', path]),
  ];
  return renderFacts(facts, palette);
}

export function costInWords({ free, estimatedMicros, actualMicros }: JobSummary): string {
  if (free) return `free (simulated; normally ${formatUsd(estimatedMicros)})`;
  if (actualMicros !== null || estimatedMicros === null) return formatUsd(actualMicros);
  return estimatedMicros === 0 ? 'free' : `${formatUsd(estimatedMicros)} estimated`;
}

const COLOURS: Readonly<Record<string, keyof Palette>> = {
  completed: 'green',
  queued: 'cyan',
  in_progress: 'cyan',
  failed: 'red',
};

function paintStatus(status: string, palette: Palette): string {
  return palette[COLOURS[status] ?? 'yellow'](status.replace('_', ' '));
}

const AGES: readonly (readonly [unitMs: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
];

/** `3m`, `2h`, `12d`. */
export function formatAge(thenMs: number | null, nowMs: number): string {
  if (thenMs === null) return '';
  const ageMs = Math.max(0, nowMs - thenMs);
  const [unitMs, name] = AGES.find(([unit]) => ageMs >= unit) ?? [1_000, 's'];
  return `${Math.floor(ageMs / unitMs)}${name}`;
}

function formatExpiry(expiresAtMs: number, nowMs: number): string {
  return expiresAtMs > nowMs ? `in ${formatAge(nowMs, expiresAtMs)}` : `${formatAge(expiresAtMs, nowMs)} ago`;
}
