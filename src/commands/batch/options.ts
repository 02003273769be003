import { extname, resolve } from 'node:path';
import type { Context } from '../../app/context.ts';
import {
  inGroup,
  NOTIFY_OPTION,
  type OptionValues,
  option,
  parseTimeoutMs,
  parseWholeNumber,
} from '../../app/option-values.ts';
import { REQUEST_OPTIONS } from '../../app/request-options.ts';
import { FILE_OPTIONS, planFiles } from '../../app/saving.ts';
import { parseMaxCost } from '../../app/spending.ts';
import { parseRate } from '../../batch/create-pace.ts';
import { MANIFEST_FORMATS } from '../../batch/manifest.ts';
import { ResultsFile } from '../../batch/results-file.ts';
import { promisedKind } from '../../domain/media.ts';
import { folderOf } from '../../jobs/destination.ts';
import { isTemplate } from '../../jobs/name-template.ts';
import { statsOf } from '../../platform/files.ts';
import { isStream } from '../../platform/open-input.ts';

const FILES = FILE_OPTIONS.output.group;

export const BATCH_OPTIONS = {
  ...REQUEST_OPTIONS,
  ...inGroup('Manifest:', {
    format: option('--format <name>', `${MANIFEST_FORMATS.join(', ')}, if the file name does not say`),
    allowPaths: option(
      '--allow-paths',
      "let rows read files outside the manifest's folder and save outside the output folder",
    ),
    schema: option('--schema', 'print the JSON Schema of a row'),
  }),
  ...inGroup(FILES, {
    output: option(
      '-o, --output <dir|template|s3://…>',
      'folder, or names such as `out/{row:03}-{slug}.mp4`, also below `s3://BUCKET/` (default: the working folder)',
    ),
    variant: FILE_OPTIONS.variant,
    force: FILE_OPTIONS.force,
    sidecar: FILE_OPTIONS.sidecar,
    results: option('--results <file>', 'one JSON line per row, appended as rows end (default FILE.results.jsonl)'),
  }),
  ...inGroup('Run:', {
    concurrency: option('--concurrency <n>', 'unfinished jobs on the server at a time (default 4)'),
    notify: NOTIFY_OPTION,
    rate: option('--rate <n/unit>', 'maximum rate of creates: 2/s, 30/m, 500/h'),
    retries: option('--retries <n>', 'retry a row up to N times after a server error (default 0)'),
    retryFailed: option('--retry-failed', 'retry only the rows that failed before'),
    retryUnknown: option(
      '--retry-unknown',
      'resend rows whose job cannot be found; if it exists after all, it is paid twice',
    ),
    serverBatch: option(
      '--server-batch',
      'submit all rows as one server-side batch: cheaper on OpenAI, and done within 24 hours',
    ),
    failFast: option('--fail-fast', 'start no more rows after the first failure'),
    timeout: option('--timeout <duration>', 'longest wait for a row (default 30m); its job keeps running after it'),
    queue: option('--queue', 'put the rows into the shared queue, for `sora worker` to run, and follow them'),
    priority: option('--priority <name>', 'with --queue: high, normal (default) or low', {
      choices: ['high', 'normal', 'low'],
    }),
    detach: option('--detach', 'with --queue: do not follow the rows'),
    dryRun: option('-n, --dry-run', 'show the rows, their states and the cost; send nothing'),
  }),
  ...inGroup('Money:', {
    maxCost: option('--max-cost <usd>', 'maximum cost of the whole batch, including earlier runs'),
    yes: option('-y, --yes', 'approve the price without being asked'),
  }),
};

export type BatchOptions = OptionValues<typeof BATCH_OPTIONS>;

/** The checked settings of a batch. */
export type BatchSettings = ReturnType<typeof readBatchOptions>;

const CONCURRENCY = { min: 1, max: 256, fallback: 4 };
const RETRIES = { min: 0, max: 100, fallback: 0 };
/** A server has a day for a batch, and a moment to write its results. */
const BATCH_WINDOW_MS = 25 * 3_600_000;

type OptionDeps = Pick<Context, 'host' | 'configuration' | 'options' | 'output'>;

/** Reads the options of the run; problems are added to the faults. */
export function readBatchOptions(file: string | undefined, options: BatchOptions, deps: OptionDeps, faults: string[]) {
  const { host, configuration } = deps;
  if (file === undefined) faults.push('no manifest: name a file, or `-` for standard input');
  const files = planFiles({ ...options, output: asFolder(options.output), place: ['row', 'n'] }, deps, faults);
  if (files.destination.kind === 'stdout') faults.push('several videos need a folder, not standard output');
  if (namesOneFile(options.output, host.cwd)) {
    faults.push(
      `\`-o ${options.output}\` names one file; end it with a slash for a folder, or use a template such as \`{row:03}-{slug}.mp4\``,
    );
  }
  const format = MANIFEST_FORMATS.find((known) => known === options.format) ?? null;
  if (options.format !== undefined && format === null) {
    faults.push(`\`--format ${options.format}\` is not one of ${MANIFEST_FORMATS.join(', ')}`);
  }
  const intervalMs = options.rate === undefined ? 0 : parseRate(options.rate);
  if (intervalMs === undefined) faults.push(`\`--rate ${options.rate}\` is not a rate, such as 30/m`);
  const path = manifestPath(file, host.cwd);
  const serverBatch = options.serverBatch ?? false;
  if (serverBatch && file !== undefined && path === null)
    faults.push('`--server-batch` needs a file, which a later run can read again');
  const settings = {
    /** The manifest as named on the command line. */
    name: file ?? '-',
    path,
    /** Null: derived from the name or the content. */
    format,
    /** Whether rows may name files outside the manifest's folder and the output folder. */
    allowPaths: options.allowPaths ?? false,
    variants: files.variants,
    force: files.force,
    sidecar: files.sidecar,
    /** Whether rows go to standard output as they end. */
    printsRows: true,
    /** Absolute, or an `s3://` address; the folder that all files go to or below. */
    outputFolder: files.destination.kind === 'stdout' ? host.cwd : folderOf(files.destination),
    /** The names of the files, absolute; null for the default names. */
    outputTemplate: files.destination.kind === 'template' ? files.destination.path : null,
    results: resultsFile(options.results, path, deps),
    concurrency: parseWholeNumber('--concurrency', options.concurrency, CONCURRENCY, faults),
    /** The minimum time between two creates. */
    intervalMs: intervalMs ?? 0,
    retries: parseWholeNumber('--retries', options.retries, RETRIES, faults),
    retryFailed: options.retryFailed ?? false,
    retryUnknown: options.retryUnknown ?? false,
    serverBatch,
    failFast: options.failFast ?? false,
    timeoutMs: parseTimeoutMs(options.timeout, serverBatch ? BATCH_WINDOW_MS : configuration.timeoutMs.value, faults),
    maxCostMicros: parseMaxCost(options.maxCost, faults),
  };
  faults.push(...queueFaults(options));
  return settings;
}

/** Absolute; null for standard input and pipes such as `<(…)`, whose names mean something else in the next run. */
export function manifestPath(file = '-', cwd: string): string | null {
  const path = resolve(cwd, file);
  return file === '-' || /^\/dev\/(stdin$|fd\/)/.test(path) || isStream(path) ? null : path;
}

/** The output is a template or a folder, with or without a trailing slash. */
function asFolder(output: string | undefined): string | undefined {
  return output === undefined || output === '-' || isTemplate(output) || /[/\\]$/.test(output) ? output : `${output}/`;
}

/** `-o clip.mp4`: a folder of that name is hardly meant. */
function namesOneFile(output: string | undefined, cwd: string): boolean {
  if (output === undefined || isTemplate(output) || promisedKind(extname(output).slice(1)) === null) return false;
  return !/[/\\]$/.test(output) && statsOf(resolve(cwd, output))?.isDirectory() !== true;
}

function resultsFile(
  named: string | undefined,
  manifest: string | null,
  { host, output }: Pick<Context, 'host' | 'output'>,
): ResultsFile | null {
  const path = named === undefined ? manifest && `${manifest}.results.jsonl` : resolve(host.cwd, named);
  return path === null ? null : new ResultsFile(path, (text) => output.secrets.hide(text));
}

function queueFaults({ queue, serverBatch, detach, priority }: BatchOptions): string[] {
  if (queue && serverBatch) return ['use `--queue` or `--server-batch`, not both'];
  return !queue && (detach || priority) ? ['`--detach` and `--priority` need `--queue`'] : [];
}
