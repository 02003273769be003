import type { ApiErrorDetails } from '../http-server/api-error.ts';
import type { RouteName } from './routes.ts';

/** Every call to these routes is refused before anything else is looked at. */
interface RefusalFault {
  readonly kind: 'refusal';
  readonly name: string;
  readonly summary: string;
  readonly routes: readonly RouteName[];
  /** `{call}` in the message stands for the method and path of the request. */
  readonly error: ApiErrorDetails;
}

/** The create succeeds; the job itself then goes wrong. */
export interface JobFault {
  readonly kind: 'job';
  readonly name: string;
  readonly summary: string;
  /** What a failed job says of itself; without it the job does not fail. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** How many times as long as usual the job takes. */
  readonly slowdown?: number;
  /** The job never ends. */
  readonly endless?: true;
}

/** The transport or the content goes wrong; the routes themselves know how. */
interface BehaviourFault {
  readonly kind: 'behaviour';
  readonly name: string;
  readonly summary: string;
  readonly routes: readonly RouteName[];
}

type Fault = RefusalFault | JobFault | BehaviourFault;

/** The routes that make a video, each of which is paid for. */
const CREATE: readonly RouteName[] = ['create', 'remix', 'edit', 'extend'];
const VIDEO_ROUTES: readonly RouteName[] = [
  ...CREATE,
  'list',
  'retrieve',
  'remove',
  'content',
  'createCharacter',
  'character',
];
const MODEL_ROUTES: readonly RouteName[] = ['models', 'model'];
const ALL_ROUTES: readonly RouteName[] = [...VIDEO_ROUTES, ...MODEL_ROUTES];

/** Everything that can be made to go wrong, in the words of the servers where it was seen. */
export const FAULTS = [
  {
    kind: 'refusal',
    name: 'invalid_value',
    summary: 'a create is refused for its seconds',
    routes: CREATE,
    error: {
      status: 400,
      code: 'invalid_value',
      param: 'seconds',
      message: "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
    },
  },
  {
    kind: 'refusal',
    name: 'reference_size_mismatch',
    summary: 'a create is refused for the pixels of its reference image',
    routes: CREATE,
    error: { status: 400, message: 'Inpaint image must match the requested width and height' },
  },
  {
    kind: 'refusal',
    name: 'unknown_parameter',
    summary: 'a create is refused for a field that the server does not know',
    routes: CREATE,
    error: { status: 400, code: 'unknown_parameter', param: 'width', message: "Unknown parameter: 'width'" },
  },
  {
    kind: 'refusal',
    name: 'moderation_blocked_input',
    summary: 'a create is refused by moderation',
    routes: CREATE,
    error: {
      status: 400,
      code: 'moderation_blocked',
      message:
        'Your request was blocked by our moderation system when checking inputs. Possible reasons: people-in-user-uploads.',
    },
  },
  {
    kind: 'refusal',
    name: 'billing_hard_limit_reached',
    summary: 'a create is refused because the spending limit is reached',
    routes: CREATE,
    error: {
      status: 400,
      type: 'billing_limit_user_error',
      code: 'billing_hard_limit_reached',
      message: 'Billing hard limit has been reached.',
    },
  },
  {
    kind: 'refusal',
    name: 'invalid_api_key',
    summary: 'every call is refused for its key',
    routes: ALL_ROUTES,
    error: {
      status: 401,
      code: 'invalid_api_key',
      message: 'Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.',
    },
  },
  {
    kind: 'refusal',
    name: 'organization_not_verified',
    summary: 'a create is refused until the organisation is verified',
    routes: CREATE,
    error: {
      status: 403,
      message:
        'Your organization must be verified to use the model `sora-2`. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just verified, it can take up to 15 minutes for access to propagate.',
    },
  },
  {
    kind: 'refusal',
    name: 'model_not_found',
    summary: 'the key has no access to the model',
    routes: [...CREATE, 'model'],
    error: {
      status: 404,
      code: 'model_not_found',
      message: "The model 'sora-2' does not exist or you do not have access",
    },
  },
  {
    kind: 'refusal',
    name: 'model_deprecated',
    summary: 'the model is retired',
    routes: [...CREATE, 'model'],
    error: {
      status: 404,
      code: 'model_not_found',
      message: "The model 'sora-2' has been deprecated, learn more here: https://platform.openai.com/docs/deprecations",
    },
  },
  {
    kind: 'refusal',
    name: 'invalid_url',
    summary: 'the server has no video routes at all',
    routes: VIDEO_ROUTES,
    error: { status: 404, message: 'Invalid URL ({call})' },
  },
  {
    kind: 'refusal',
    name: 'rate_limit_exceeded',
    summary: 'a create is refused for now; Retry-After says one second',
    routes: CREATE,
    error: {
      status: 429,
      type: 'requests',
      code: 'rate_limit_exceeded',
      message:
        'Rate limit reached for sora-2 on requests per min (RPM): Limit 25, Used 25, Requested 1. Please try again in 1s.',
      headers: { 'retry-after': '1' },
    },
  },
  {
    kind: 'refusal',
    name: 'insufficient_quota',
    summary: 'a create is refused because the credits are used up',
    routes: CREATE,
    error: {
      status: 429,
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message:
        'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
    },
  },
  {
    kind: 'refusal',
    name: 'server_error',
    summary: 'every call fails with 500',
    routes: ALL_ROUTES,
    error: {
      status: 500,
      type: 'server_error',
      message: 'The server had an error while processing your request. Sorry about that!',
    },
  },
  {
    kind: 'refusal',
    name: 'service_unavailable',
    summary: 'every call fails with 503',
    routes: ALL_ROUTES,
    error: {
      status: 503,
      type: 'service_unavailable_error',
      message: 'The server is currently overloaded with other requests. Please try again later.',
    },
  },
  {
    kind: 'job',
    name: 'moderation_blocked',
    summary: 'the job ends failed, refused by moderation',
    failure: { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' },
  },
  {
    kind: 'job',
    name: 'processing_error',
    summary: 'the job ends failed for a fault of the server',
    failure: { code: 'processing_error', message: 'The video could not be generated due to an internal error.' },
  },
  { kind: 'job', name: 'stuck', summary: 'the job stays in progress at 99 % for ever', endless: true },
  { kind: 'job', name: 'slow', summary: 'the job takes ten times as long', slowdown: 10 },
  {
    kind: 'behaviour',
    name: 'create-dropped-after-accept',
    summary: 'a job is created, then the connection drops before the answer',
    routes: CREATE,
  },
  {
    kind: 'behaviour',
    name: 'reset-before-accept',
    summary: 'the connection of a create drops and nothing is created',
    routes: CREATE,
  },
  {
    kind: 'behaviour',
    name: 'poll-drop',
    summary: 'every second look at a job drops the connection',
    routes: ['retrieve'],
  },
  {
    kind: 'behaviour',
    name: 'cut-download',
    summary: 'downloads break off half-way; a range request gets half of the rest, and at last the end',
    routes: ['content'],
  },
  {
    kind: 'behaviour',
    name: 'html-instead-of-json',
    summary: 'every call is answered 200 with a login page',
    routes: ALL_ROUTES,
  },
  {
    kind: 'behaviour',
    name: 'json-as-mp4',
    summary: 'a download is a JSON error that claims to be video/mp4',
    routes: ['content'],
  },
] as const satisfies readonly Fault[];

export type FaultName = (typeof FAULTS)[number]['name'];

export const FAULT_NAMES: readonly FaultName[] = FAULTS.map(({ name }) => name);

/** A fault by its name, with `-` and `_` alike; null for a name that is none (`FAULT_NAMES` lists them for the message). */
export function parseFault(text: string): FaultName | null {
  return FAULT_NAMES.find((name) => normalize(name) === normalize(text)) ?? null;
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The table once more, its rows by their kind alone. */
const ROWS: readonly Fault[] = FAULTS;
const JOB_FAULTS = ROWS.filter((fault) => fault.kind === 'job');
const REFUSALS = ROWS.filter((fault) => fault.kind === 'refusal');

/** Whether a call to this route can meet this fault; a fault of jobs is met when they are made. */
export function hits(name: FaultName, route: RouteName): boolean {
  const fault = ROWS.find((row) => row.name === name);
  if (fault === undefined) return false;
  return (fault.kind === 'job' ? CREATE : fault.routes).includes(route);
}

/** What is to go wrong with a job that was created under this fault, if anything. */
export function findJobFault(name: string | null): JobFault | undefined {
  return JOB_FAULTS.find((fault) => fault.name === name);
}

/** The refusal that a call to this route meets under this fault, if any. */
export function findRefusal(name: string | null, route: RouteName): ApiErrorDetails | undefined {
  return REFUSALS.find((fault) => fault.name === name && fault.routes.includes(route))?.error;
}
