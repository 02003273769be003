import { basename, extname, resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { CommandInput, CommandResult } from '../../app/command.ts';
import { Context } from '../../app/context.ts';
import type { OptionSpecs } from '../../app/option-values.ts';
import { asSoraError, runCommand } from '../../app/run-command.ts';
import { leadsInside } from '../../batch/manifest-paths.ts';
import { exitCodeFor, SoraError } from '../../domain/errors.ts';
import { replaceInvisible } from '../../domain/invisible.ts';
import { mediaTypeOf, promisedKind } from '../../domain/media.ts';
import { MICROS_PER_USD, plainUsd } from '../../domain/money.ts';
import { isRemoteImage } from '../../jobs/input-media.ts';
import { errorJson } from '../../output/error-view.ts';
import { Output } from '../../output/output.ts';
import { attempt } from '../../platform/attempt.ts';
import { statsOf } from '../../platform/files.ts';
import { type Host, Interrupt } from '../../platform/host.ts';
import { readRegular } from '../../platform/open-input.ts';
import type { SessionBudget } from './session-budget.ts';
import type { CommandCall, Tool, ToolInput } from './tools.ts';

/** Clients give up on a call after a minute. A stopped call has this long to report its outcome. */
const CALL_MS = 45_000;
const GRACE_MS = 3_000;
const MAX_THUMBNAIL_BYTES = 1_000_000;

/** A job in the answer of a command: the fields that are used here. */
interface AnsweredJob {
  readonly id: string | null;
  readonly submission: string | null;
  readonly cost: { readonly estimated_usd: number | null; readonly actual_usd: number | null };
  readonly files: readonly { readonly variant: string; readonly path: string }[];
}

/** The same of a dry run. */
interface Preview {
  readonly cost: { readonly estimated_usd: number | null };
  readonly attaches_to: readonly string[];
}

export interface ToolCallsOptions {
  readonly context: Pick<Context, 'host' | 'options' | 'output' | 'configuration'>;
  /** The only folder that files are read from and saved in; absolute. */
  readonly folder: string;
  readonly budget: SessionBudget;
}

/** Calls tools. Each runs its command in its own context, which never prompts or prints. */
export class ToolCalls {
  readonly #options: ToolCallsOptions;

  constructor(options: ToolCallsOptions) {
    this.#options = options;
  }

  /** The result of a call, after 48 seconds at most. Never rejects. */
  async call(tool: Tool, input: ToolInput, signal: AbortSignal): Promise<CallToolResult> {
    const { clock } = this.#options.context.host;
    const stop = new AbortController();
    const stopWith = (): void => stop.abort(new Interrupt('SIGTERM'));
    if (signal.aborted) stopWith();
    signal.addEventListener('abort', stopWith, { once: true });
    const alarms = [clock.alarm(CALL_MS, stopWith)];
    const overdue = new Promise<CallToolResult>((resolve) => {
      const error = new SoraError('wait_timeout', {
        title: `${tool.name} has not ended yet`,
        hints: ['call `list` or `status` to see its state'],
      });
      alarms.push(clock.alarm(CALL_MS + GRACE_MS, () => resolve(this.#failed([error]))));
    });
    try {
      return await Promise.race([this.#run(tool, input, stop.signal), overdue]);
    } catch (thrown) {
      return this.#failed([asSoraError(thrown)]);
    } finally {
      for (const cancel of alarms) cancel();
    }
  }

  /**
   * The document as structured content and, for clients that read text only, as text. Agents read what people do not see:
   * text from servers must not speak to them in invisible characters.
   */
  #resultOf(data: Readonly<Record<string, unknown>>, content: CallToolResult['content'] = []): CallToolResult {
    const { secrets } = this.#options.context.output;
    const text = replaceInvisible(secrets.hide(JSON.stringify(data)), () => '');
    return { content: [{ type: 'text', text }, ...content], structuredContent: JSON.parse(text) };
  }

  #failed(errors: readonly [SoraError, ...SoraError[]], data: Readonly<Record<string, unknown>> = {}): CallToolResult {
    const [error, ...more] = errors.map((each) => errorJson(each));
    const document = { ...data, error, ...(more.length > 0 && { errors: [error, ...more] }) };
    return { ...this.#resultOf(document), isError: true };
  }

  async #run(tool: Tool, input: ToolInput, signal: AbortSignal): Promise<CallToolResult> {
    this.#keepInside(input);
    const result = await (tool.spends
      ? this.#spend(tool, input, signal)
      : this.#execute(tool, tool.call(input), signal));
    const { answer, errors = [] } = result;
    const jobs = jobsOf(answer?.data);
    this.#options.budget.record(
      costsOf(jobs.filter(({ submission }) => submission && this.#options.budget.knows(submission))),
    );
    const isOneJob = answer !== undefined && 'submission' in answer.data;
    const data = isOneJob ? { jobs } : (answer?.data ?? {});
    const [first] = errors;
    if (first?.code === 'wait_timeout' && jobs.length > 0) return this.#resultOf({ ...data, still_running: true });
    if (first !== undefined) return this.#failed([first, ...errors.slice(1)], data);
    return this.#resultOf(data, contentOf(jobs, this.#options.folder));
  }

  /** Prices the call, reserves the price, and submits with the price as the cap. */
  async #spend(tool: Tool, input: ToolInput, signal: AbortSignal): Promise<CommandResult> {
    const { budget, context } = this.#options;
    const call = tool.call(input);
    const execute = (more: CommandCall['options']): Promise<CommandResult> =>
      this.#execute(tool, { ...call, options: { ...call.options, ...more } }, signal);
    const preview = await execute({ dryRun: true });
    if (preview.answer === undefined) return preview;
    if (context.configuration.isSimulator) return execute({});
    const { cost, attaches_to: attached } = preview.answer.data as unknown as Preview;
    const micros = cost.estimated_usd === null ? null : Math.round(cost.estimated_usd * MICROS_PER_USD);
    if (micros === 0) {
      const result = await execute({});
      // The job that it should attach to may have ended meanwhile.
      budget.record(costsOf(jobsOf(result.answer?.data).filter(({ id }) => id === null || !attached.includes(id))));
      return result;
    }
    const { max_cost_usd: approvedUsd } = input;
    const approvedMicros = typeof approvedUsd === 'number' ? Math.floor(approvedUsd * MICROS_PER_USD) : null;
    const reservation = budget.reserve(micros, approvedMicros);
    const result = await execute({ maxCost: plainUsd(micros) });
    const jobs = jobsOf(result.answer?.data);
    const [first] = result.errors ?? [];
    // After an error that may hide a job the reservation stays.
    const isClear = first === undefined || (jobs.length === 0 && NOTHING_SENT.has(exitCodeFor(first)));
    if (isClear) budget.settle(reservation, costsOf(jobs));
    return result;
  }

  async #execute(
    { load }: Tool,
    { args = [], options = {} }: CommandCall,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const { context, folder } = this.#options;
    const host: Host = {
      ...context.host,
      cwd: folder,
      stdin: Readable.from([]),
      stdout: nullStream(),
      stderr: nullStream(),
      interrupt: signal,
    };
    const globals = { ...context.options, json: true, noInput: true, debug: undefined };
    const output = new Output(host, { json: true, quiet: true, debug: false, color: 'never' });
    const input = { args, options } as CommandInput<OptionSpecs>;
    return runCommand(await load(), input, new Context(host, globals, output));
  }

  /**
   * Throws `usage` for a name that leads out of the folder, also through links. The answer must not reveal whether
   * the file exists.
   */
  #keepInside({ image, last_frame: lastFrame, references, id, video }: ToolInput): void {
    const { folder } = this.#options;
    for (const reference of [image, lastFrame, references].flat().filter((each) => typeof each === 'string')) {
      refuseUnsafeUrl(reference);
      if (!isRemoteImage(reference) && !isBelow(folder, reference)) throw outside('reference', reference, folder);
    }
    if (typeof video === 'string' && !isBelow(folder, video)) throw outside('video', video, folder);
    if (typeof id === 'string' && !isBelow(folder, id))
      throw new SoraError('usage', { title: `${id} is not the id of a job`, hints: ['call `list` to see the jobs'] });
  }
}

function isBelow(folder: string, name: string): boolean {
  const path = resolve(folder, name);
  return path !== folder && leadsInside(folder, path);
}

function outside(what: string, path: string, folder: string): SoraError {
  return new SoraError('usage', {
    title: `the ${what} ${path} is not in the output folder`,
    hints: [`copy it to ${folder}, and name it by its path there`],
  });
}

function refuseUnsafeUrl(reference: string): void {
  if (!/^(http|data|file):/i.test(reference)) return;
  throw new SoraError('usage', {
    title: 'a reference is a file, an https URL or a file id',
    hints: ['use a URL that starts with https://'],
  });
}

/** Wrong usage, no access, over a cap. */
const NOTHING_SENT: ReadonlySet<number> = new Set([2, 4, 7]);

function nullStream(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function jobsOf(data: Readonly<Record<string, unknown>> | undefined): readonly AnsweredJob[] {
  if (data === undefined) return [];
  if (Array.isArray(data.jobs)) return data.jobs;
  return 'submission' in data ? [data as unknown as AnsweredJob] : [];
}

/** What the jobs cost by their submissions: the larger of estimate and reported cost. */
function costsOf(jobs: readonly AnsweredJob[]): Map<string, number> {
  return new Map(
    jobs.flatMap(({ submission, cost }) => {
      const usd = Math.max(cost.estimated_usd ?? 0, cost.actual_usd ?? 0);
      return submission === null ? [] : [[submission, Math.round(usd * MICROS_PER_USD)]];
    }),
  );
}

/** Links to the saved files in the folder, and the thumbnails as images. A command line may have saved files elsewhere. */
function contentOf(jobs: readonly AnsweredJob[], folder: string): CallToolResult['content'] {
  return jobs
    .flatMap(({ files }) => files)
    .filter(({ path }) => leadsInside(folder, path))
    .flatMap(({ variant, path }): CallToolResult['content'] => {
      const kind = promisedKind(extname(path).slice(1));
      const mimeType = kind === null ? 'application/octet-stream' : mediaTypeOf(kind);
      const link = { type: 'resource_link' as const, uri: pathToFileURL(path).href, name: basename(path), mimeType };
      if (variant !== 'thumbnail') return [link];
      const bytes = readThumbnail(path);
      return bytes === null ? [] : [{ type: 'image', data: bytes.toString('base64'), mimeType }];
    });
}

/** Null if it is missing or too large to show. */
function readThumbnail(path: string): Buffer | null {
  const { size = Number.POSITIVE_INFINITY } = statsOf(path) ?? {};
  return size > MAX_THUMBNAIL_BYTES ? null : (attempt(() => readRegular(path)) ?? null);
}
