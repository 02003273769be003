import type { CommandDefinition } from '../../app/command.ts';
import type { OptionSpecs } from '../../app/option-values.ts';
import { ASPECT_RATIOS, RESOLUTIONS } from '../../domain/models.ts';
import { JOB_SCHEMA, type JsonSchema, recordOf } from '../../output/job-schema.ts';

/** A tool's arguments after they were validated against its schema. */
export type ToolInput = Readonly<Record<string, unknown>>;

/** What the command of a tool is called with. */
export interface CommandCall {
  readonly args?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  /** Of the structured content; jobs if left out. */
  readonly outputSchema?: JsonSchema;
  /** Whether it may spend money, and so goes through the budget of the session. */
  readonly spends?: true;
  /** `readOnly` tools change nothing but the local ledger; `destructive` ones undo work. */
  readonly effect: 'readOnly' | 'additive' | 'destructive';
  /** The command that it runs. */
  readonly load: () => Promise<CommandDefinition>;
  readonly call: (input: ToolInput) => CommandCall;
}

/** The longest `wait`, in seconds: clients abandon a call after a minute. */
const MAX_WAIT_SECONDS = 40;

const ID: JsonSchema = { type: 'string', minLength: 1, maxLength: 1000, description: 'id of a job, or @last' };
const REFERENCE = {
  type: 'string',
  minLength: 1,
  maxLength: 4000,
  description: 'a file in the output folder, an https URL, or a file id of the server',
} as const satisfies JsonSchema;
const REQUEST = {
  prompt: { type: 'string', minLength: 1, maxLength: 100_000, description: 'what the video shows' },
  model: { type: 'string', maxLength: 200, description: 'model; the default of the server if left out' },
  duration: { type: 'number', exclusiveMinimum: 0, maximum: 600, description: 'length in seconds' },
  resolution: { type: 'string', enum: [...RESOLUTIONS] },
  aspect_ratio: { type: 'string', enum: [...ASPECT_RATIOS] },
  size: { type: 'string', pattern: '^\\d{2,5}x\\d{2,5}$', description: 'exact pixels, such as 1280x720' },
  image: { ...REFERENCE, description: `first frame: ${REFERENCE.description}` },
  last_frame: { ...REFERENCE, description: `last frame, where the server accepts one: ${REFERENCE.description}` },
  references: {
    type: 'array',
    maxItems: 20,
    items: REFERENCE,
    description: 'images, videos or audio that guide the video, where the server accepts them',
  },
  count: { type: 'integer', minimum: 1, maximum: 20, description: 'number of variations (default 1)' },
} as const satisfies Readonly<Record<string, JsonSchema>>;
const MAX_COST: JsonSchema = {
  type: 'number',
  minimum: 0,
  maximum: 100_000,
  description: 'most that the user agreed to pay',
};
const PAYS =
  'Returns the job at once; call `wait`, then `download`. Costs money on paid servers, so ask the user first and pass the approved amount as max_cost_usd. The same request while its first job is unfinished returns that job and pays nothing.';
/** Of every tool: what went wrong. Clients check failed calls too, so nothing is required. */
const FAILURE: Readonly<Record<string, JsonSchema>> = {
  error: recordOf({ code: { type: 'string' }, message: { type: 'string' }, hints: { type: 'array' } }),
};
const DOCUMENT: JsonSchema = { type: 'object', properties: FAILURE };
export const JOBS: JsonSchema = {
  type: 'object',
  properties: {
    jobs: { type: 'array', items: JOB_SCHEMA },
    still_running: { type: 'boolean', description: 'the wait ended before the job did; call again' },
    ...FAILURE,
  },
};

/** The tools of `sora mcp`. Each runs a command, so that both keep the same promises. */
export const TOOLS: readonly Tool[] = [
  {
    name: 'create',
    title: 'Create a video',
    description:
      'Submits a video and returns its job at once; call `wait`, then `download`. Costs money on paid servers: ask the user first, call `cost` for the price, and pass the approved amount as max_cost_usd. The same request while its first job is unfinished returns that job and pays nothing. If the outcome is unknown, do not submit another request: call `list` and tell the user.',
    inputSchema: inputOf({ ...REQUEST, max_cost_usd: MAX_COST }, 'prompt'),
    effect: 'additive',
    spends: true,
    load: async () => (await import('../create/create.ts')).createCommand,
    call: (input) => ({ args: [promptOf(input)], options: { ...requestOptions(input), detach: true } }),
  },
  derivingTool({
    name: 'remix',
    title: 'Remix a video',
    description: `Makes a variation of a finished video from another prompt. ${PAYS}`,
    source: 'id',
    load: async () => (await import('../create/derive.ts')).remixCommand,
  }),
  derivingTool({
    name: 'edit',
    title: 'Edit a video',
    description: `Changes a finished video, or a file, as described by a prompt. ${PAYS}`,
    source: 'video',
    load: async () => (await import('../create/derive.ts')).editCommand,
  }),
  derivingTool({
    name: 'extend',
    title: 'Extend a video',
    description: `Adds \`duration\` seconds to the end of a finished video, or of a file. ${PAYS}`,
    source: 'video',
    load: async () => (await import('../create/derive.ts')).extendCommand,
  }),
  {
    name: 'cost',
    title: 'Price of a video',
    description: 'Estimates what a request would cost. Free; sends nothing.',
    inputSchema: inputOf(REQUEST),
    outputSchema: DOCUMENT,
    effect: 'readOnly',
    load: async () => (await import('../cost/cost.ts')).costCommand,
    call: (input) => ({ options: requestOptions(input) }),
  },
  {
    name: 'status',
    title: 'Status of jobs',
    description: 'Shows one job, or without an id the unfinished and most recent ones.',
    inputSchema: inputOf({ id: ID }),
    effect: 'readOnly',
    load: async () => (await import('../status.ts')).statusCommand,
    call: ({ id }) => ({ args: id === undefined ? [] : [String(id)] }),
  },
  {
    name: 'wait',
    title: 'Wait for a job',
    description: `Waits until a job ends, at most ${MAX_WAIT_SECONDS} seconds. A job that still runs is returned with still_running: call again.`,
    inputSchema: inputOf({ id: ID, seconds: { type: 'integer', minimum: 1, maximum: MAX_WAIT_SECONDS } }, 'id'),
    effect: 'readOnly',
    load: async () => (await import('../status.ts')).statusCommand,
    call: ({ id, seconds = MAX_WAIT_SECONDS }) => ({
      args: [String(id)],
      options: { watch: true, timeout: `${seconds}s` },
    }),
  },
  {
    name: 'download',
    title: 'Save a video',
    description:
      'Saves a finished video, and its thumbnail if the server has one, in the output folder; returns the path, a link and the thumbnail. Saving again costs nothing.',
    inputSchema: inputOf({ id: ID }, 'id'),
    effect: 'additive',
    load: async () => (await import('../download.ts')).downloadCommand,
    call: ({ id }) => ({
      args: [String(id)],
      options: { variant: ['video', 'thumbnail'], optional: ['thumbnail'], output: '.' }, // not where a command line wanted it
    }),
  },
  {
    name: 'list',
    title: 'List videos',
    description: 'Lists videos on the server and in the local ledger, newest first.',
    inputSchema: inputOf({ limit: { type: 'integer', minimum: 1, maximum: 100 } }),
    effect: 'readOnly',
    load: async () => (await import('../list.ts')).listCommand,
    call: ({ limit = 20 }) => ({ options: { limit: String(limit) } }),
  },
  {
    name: 'cancel',
    title: 'Cancel a job',
    description: 'Stops an unfinished job. A job that cannot be stopped keeps running and is billed.',
    inputSchema: inputOf({ id: ID }, 'id'),
    effect: 'destructive',
    load: async () => (await import('../cancel.ts')).cancelCommand,
    call: ({ id }) => ({ args: [String(id)] }),
  },
  {
    name: 'doctor',
    title: 'Check access',
    description: 'Checks the settings, the network, the key and the server, and suggests fixes. Free: creates no job.',
    inputSchema: inputOf({}),
    outputSchema: DOCUMENT,
    effect: 'readOnly',
    load: async () => (await import('../doctor/doctor.ts')).doctorCommand,
    call: () => ({}),
  },
];

interface DerivingTool extends Pick<Tool, 'name' | 'title' | 'description' | 'load'> {
  /** The input that names the existing video; `video` may also be a file. */
  readonly source: 'id' | 'video';
}

/** A tool that makes a video from an existing one. */
function derivingTool({ source, ...tool }: DerivingTool): Tool {
  const { prompt, duration, count } = REQUEST;
  const video = { ...ID, description: 'id of a job, @last, or a file in the output folder' };
  const own = tool.name === 'extend' ? { duration } : {};
  const properties = { [source]: source === 'id' ? ID : video, prompt, ...own, count, max_cost_usd: MAX_COST };
  return {
    ...tool,
    inputSchema: inputOf(properties, source, 'prompt'),
    effect: 'additive',
    spends: true,
    call: (input) => ({
      args: [String(input[source]), promptOf(input)],
      options: { ...requestOptions(input), detach: true },
    }),
  };
}

function inputOf(properties: Readonly<Record<string, JsonSchema>>, ...required: readonly string[]): JsonSchema {
  return { type: 'object', properties, additionalProperties: false, ...(required.length > 0 && { required }) };
}

/** `@` and `-` name files on a command line; a tool's prompt is text. */
function promptOf({ prompt }: ToolInput): string {
  return String(prompt).replace(/^@/, '@@');
}

/** The options of `create` and `cost`; `OptionSpecs` holds texts, as a command line does. */
function requestOptions(input: ToolInput): Partial<Record<keyof OptionSpecs, string | readonly string[]>> {
  const { model, duration, resolution, aspect_ratio: aspectRatio, size, image, last_frame: lastFrame, count } = input;
  const given = { model, duration, resolution, aspectRatio, size, image, lastFrame, count };
  const texts = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const { references } = input;
  return { ...Object.fromEntries(texts), ...(Array.isArray(references) ? { reference: references.map(String) } : {}) };
}
