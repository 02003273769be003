import { type CommandInput, defineCommand } from '../../app/command.ts';
import { deletedVideo, type FoundJob } from '../../app/known-jobs.ts';
import { inGroup, type OptionValues, option, readDeadlineMs, readOr } from '../../app/option-values.ts';
import { REQUEST_OPTIONS, type ReadSource, readDerivedRequest } from '../../app/request-options.ts';
import { extensionsOf, requireFinished } from '../../app/source-videos.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { expectedModel } from '../../configuration/endpoint.ts';
import { isDownloadPending, isOpen, type JobRecord, sourceIdOf } from '../../domain/record.ts';
import { pricedFrom, type SourceFacts } from '../../domain/request.ts';
import { type JobSummary, summarize } from '../../domain/summary.ts';
import type { Derivation, Variant, VideoRequest } from '../../domain/video.ts';
import { fingerprintOf, recordRequest } from '../../jobs/fingerprint.ts';
import { readAhead } from '../../jobs/input-file.ts';
import { isFileName, readSourceFile } from '../../jobs/input-media.ts';
import { inDoubt } from '../../jobs/submission-errors.ts';
import { planSteps, readSteps, stepsLeft } from './extend-to.ts';
import {
  type Draft,
  PRODUCTION_ERRORS,
  PRODUCTION_JSON,
  PRODUCTION_OPTIONS,
  type ProductionDeps,
  produce,
  refuseHelp,
} from './production.ts';

const PLACE =
  'Runs on the server that has the video, and is never resent automatically; to resume the same job, run the same command again.';
const PROMPT = 'text, @FILE, or - for standard input';
const VIDEO = 'a finished video: an id, its ending, or @last';
const OPTIONS = { param: REQUEST_OPTIONS.param, ...PRODUCTION_OPTIONS };
const EXTEND_OPTIONS = {
  ...inGroup(REQUEST_OPTIONS.duration.group, {
    duration: { ...REQUEST_OPTIONS.duration, summary: 'seconds to add (default 4)' },
    exact: REQUEST_OPTIONS.exact,
    to: option('--to <length>', 'extend repeatedly to this length, such as 60s; the price covers all steps'),
  }),
  ...OPTIONS,
};
const JSON_SHAPE = PRODUCTION_JSON.replace('{"request",', '{"request","operation","source",');
const ERRORS = [...PRODUCTION_ERRORS, 'video_not_found', 'content_not_ready', 'not_supported'] as const;

export const remixCommand = defineCommand({
  name: 'remix',
  description: `Makes a variation of a finished video from another prompt, with the same model, length and size. ${PLACE}`,
  arguments: [
    { form: '<id>', summary: VIDEO },
    { form: '<prompt>', summary: `what the variation shows: ${PROMPT}` },
  ],
  options: OPTIONS,
  json: JSON_SHAPE,
  errors: ERRORS,
  examples: [
    ['sora remix @last "the same boat at night"', 'a variation of the newest video'],
    ['sora remix a1b2c3d4 @night.txt --count 3 -o night/ --max-cost 3', 'three variations, at most $3'],
  ],
  run: (input, deps: ProductionDeps) => derive('remix', input, deps),
});

export const editCommand = defineCommand({
  name: 'edit',
  description: `Changes a finished video, or a video file, as described by a prompt. ${PLACE} A file is sent to the server in use.`,
  arguments: [
    { form: '<id|file>', summary: `${VIDEO}; or a file` },
    { form: '<prompt>', summary: `what to change: ${PROMPT}` },
  ],
  options: OPTIONS,
  json: JSON_SHAPE,
  errors: ERRORS,
  examples: [
    ['sora edit @last "make it snow"', 'change the newest video'],
    ['sora edit holiday.mp4 "remove the people" -o holiday-empty.mp4', 'change a file'],
  ],
  run: (input, deps: ProductionDeps) => derive('edit', input, deps),
});

export const extendCommand = defineCommand({
  name: 'extend',
  description: `Adds seconds to the end of a finished video, or of a video file; the result contains both. ${PLACE} A file is sent to the server in use. The price is that of the seconds added.`,
  arguments: [
    { form: '<id|file>', summary: `${VIDEO}; or a file` },
    { form: '[prompt]', summary: `what happens next: ${PROMPT} (default: the prompt of the video)` },
  ],
  options: EXTEND_OPTIONS,
  json: `${JSON_SHAPE}; with --dry-run and --to: {"request","operation","source","count","steps":[16],"attaches_to":["id"],"curl","cost"}`,
  errors: ERRORS,
  examples: [
    ['sora extend @last "the boat reaches the sea" -d 8', 'add eight seconds to the newest video'],
    ['sora extend @last --to 60s -o long.mp4 --max-cost 6', 'a minute, in as few steps as possible, at most $6'],
    ['sora extend a1b2c3d4 --dry-run', 'see what it would cost to continue with the same prompt'],
  ],
  run: (input, deps: ProductionDeps) => derive('extend', input, deps),
});

/** Runs a command that makes a video from an existing one. */
async function derive(
  operation: Derivation,
  { args: [name = '', prompt], options }: CommandInput<typeof EXTEND_OPTIONS>,
  deps: ProductionDeps,
) {
  refuseHelp(prompt, `sora ${operation}`, name);
  const deadlineMs = readDeadlineMs(options.timeout, deps, []);
  const record = await deps.jobs.known(name); // what the ledger knows is an id
  const isFile = record === undefined && !name.startsWith('@') && isFileName(name, deps.host.cwd);
  const source = isFile
    ? fileSource(operation, name, deps)
    : await storedSource(operation, { name, record }, { ...options, deadlineMs }, deps);
  const { host, options: globals, output, ledger, objects, servers, jobs, random, isInteractive } = deps;
  const shared = { host, options: globals, output, ledger, objects, servers, jobs, random, isInteractive };
  const own = { ...shared, configuration: source.configuration };
  return produce(
    {
      async draft(given, variants) {
        const faults = [...given];
        const start = await source.read(faults);
        const { to } = options;
        if (to !== undefined)
          return draftSteps(prompt, { ...options, to, deadlineMs }, start, { faults, variants }, own);
        const read = await readDerivedRequest(prompt, options, start, own, faults, variants);
        const request = name === '@last' ? asResumed(read.request, record) : read.request;
        return { read: { ...read, request }, priced: pricedFrom(request, start.facts) };
      },
      confirm: async ({ read, priced, steps: [step] = [] }) =>
        source.confirm === undefined || (step && step.fromSeconds !== null)
          ? priced
          : pricedFrom(read.request, await source.confirm()),
    },
    options,
    own,
  );
}

/** When an unfinished or unsaved run of a command is repeated, its `@last` still means the video that it started from. */
function asResumed(request: VideoRequest, last: JobRecord | undefined): VideoRequest {
  const id = sourceIdOf(last?.request);
  if (last === undefined || id === null || !request.source || !(isOpen(last) || isDownloadPending(last)))
    return request;
  const { operation } = request.source;
  const first = { ...request, source: { operation, video: { kind: 'id', id } } } as VideoRequest;
  return fingerprintOf(last.baseUrl, recordRequest(first)) === last.fingerprint ? first : request;
}

/** The extensions to a length that are left to make, as the draft of the first of them. */
async function draftSteps(
  prompt: string | undefined,
  options: OptionValues<typeof EXTEND_OPTIONS> & { readonly to: string; readonly deadlineMs: number },
  start: ReadSource,
  { faults, variants }: { readonly faults: readonly string[]; readonly variants: readonly Variant[] },
  deps: ProductionDeps,
): Promise<Draft> {
  const [allFaults, notes]: [string[], string[]] = [[...faults], []];
  const seconds = readSteps(options, start.facts, deps, allFaults, notes);
  const given = seconds[0] === undefined ? options : { ...options, duration: String(seconds[0]) };
  const read = await readDerivedRequest(prompt, given, start, deps, allFaults, variants);
  const { again = false, dryRun = false, reuse = false, deadlineMs } = options;
  const order = { again, asks: !dryRun && !reuse, deadlineMs };
  const steps = await stepsLeft(planSteps(read, seconds, start), order, deps);
  const { request, priced } = steps[0] ?? { request: read.request, priced: pricedFrom(read.request, start.facts) };
  return { read: { ...read, request, notes: [...read.notes, ...notes] }, priced, steps };
}

/** The existing video that a command names. */
interface Source {
  /** Of the server that the request goes to. */
  readonly configuration: Configuration;
  /** What is known of it; problems are added to the faults. With faults, only what is known without asking the server. */
  read(faults: string[]): Promise<ReadSource>;
  /** Checks that the video is there and finished, and returns what it is; left out where there is nothing to ask. */
  readonly confirm?: () => Promise<SourceFacts>;
}

/** The server does not say which model it uses for a file, so the price is that of the default one. */
function fileSource(
  operation: Derivation,
  path: string,
  { configuration, host }: Pick<ProductionDeps, 'configuration' | 'host'>,
): Source {
  return {
    configuration,
    async read(faults) {
      if (operation === 'remix') {
        faults.push(`${path} is a file, and only a video on the server can be remixed: use \`sora edit\``);
        return startOf(operation, path, UNKNOWN, 0);
      }
      const read = await readAhead([path], host.cwd, host.interrupt);
      const file = readOr(() => readSourceFile(path, host.cwd, read), faults);
      if (file === undefined) return startOf(operation, path, UNKNOWN, 0);
      const facts = { ...file.facts, model: expectedModel(configuration) };
      return { source: { operation, video: file.video }, facts, filePath: path, prompt: null };
    },
  };
}

/** Stands for a source that cannot be read, so that nothing else is reported about it. */
const UNKNOWN = { model: null, seconds: null, size: null, prompt: '' };

/** A dry run knows what the ledger knows; otherwise a video without a record is read from its server first. */
async function storedSource(
  operation: Derivation,
  { name, record }: { readonly name: string; readonly record: JobRecord | undefined },
  { dryRun, deadlineMs }: { readonly dryRun?: boolean | undefined; readonly deadlineMs: number },
  deps: Pick<ProductionDeps, 'jobs' | 'servers' | 'ledger'>,
): Promise<Source> {
  const { jobs, servers, ledger } = deps;
  if (dryRun) {
    const id = record?.job?.id ?? name;
    if (record?.removed) throw deletedVideo(id);
    if (record !== undefined && record.job === null) throw inDoubt(record.key, 'the ledger has no id for it', []);
    const configuration = servers.configurationOf(record);
    const summary = summarize(configuration.profile.value, record, null);
    const extensions = await extensionsOf(record, ledger);
    return { configuration, read: async () => startOf(operation, id, summary, extensions) };
  }
  let found: Promise<FoundJob> | undefined;
  const find = (): Promise<FoundJob> => (found ??= jobs.find(name, deadlineMs));
  const confirm = async (): Promise<JobSummary> => {
    const job = await find();
    const seen = await jobs.look(job, deadlineMs);
    requireFinished(seen, operation, job);
    return summarize(job.server.identity.profile, job.record, seen);
  };
  return {
    configuration: servers.configurationOf(record),
    async read(faults) {
      if (!record?.job && faults.length > 0) return startOf(operation, name, UNKNOWN, 0);
      const { id, server, record: known } = await find();
      const summary = known ? summarize(server.identity.profile, known, null) : await confirm();
      return startOf(operation, id, summary, await extensionsOf(known, ledger));
    },
    confirm,
  };
}

function startOf(
  operation: Derivation,
  id: string,
  { model, seconds, size, prompt }: Pick<JobSummary, 'model' | 'seconds' | 'size' | 'prompt'>,
  extensions: number,
): ReadSource {
  const facts = { model, seconds, size, extensions };
  return { source: { operation, video: { kind: 'id', id } }, facts, filePath: null, prompt };
}
