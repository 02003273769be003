import type { ApiErrorDetails } from './api-error.ts';
import { BATCH_ROUTES, type RouteName } from './routes.ts';

/** Calls to these routes are refused before anything else is checked. */
interface RefusalFault {
  readonly kind: 'refusal';
  readonly name: string;
  readonly summary: string;
  readonly routes: readonly RouteName[];
  /** `{call}` in the message is replaced by the method and path of the request. */
  readonly error: ApiErrorDetails;
}

/** The create succeeds, and the job then fails or hangs. */
export interface JobFault {
  readonly kind: 'job';
  readonly name: string;
  readonly summary: string;
  /** The error of the failed job; left out if the job does not fail. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** Multiplies the job's usual duration. */
  readonly slowdown?: number;
  /** The job never finishes. */
  readonly endless?: true;
}

/** The connection or the content is faulty; implemented by the routes. */
interface BehaviourFault {
  readonly kind: 'behaviour';
  readonly name: string;
  readonly summary: string;
  readonly routes: readonly RouteName[];
}

type Fault = RefusalFault | JobFault | BehaviourFault;

/** The routes that create a video, which costs money on a real server. */
const CREATE: readonly RouteName[] = ['create', 'remix', 'edit', 'extend', 'createBatch'];
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
const ALL_ROUTES: readonly RouteName[] = [...VIDEO_ROUTES, ...BATCH_ROUTES, ...MODEL_ROUTES];

/** Every fault the simulator can produce, with the messages of the servers where it was observed. */
export const FAULTS = [
  {
    kind: 'refusal',
    name: 'invalid_value',
    summary: 'a create is refused because of its seconds',
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
    summary: 'a create is refused because of the size of its reference image',
    routes: CREATE,
    error: { status: 400, message: 'Inpaint image must match the requested width and height' },
  },
  {
    kind: 'refusal',
    name: 'unknown_parameter',
    summary: 'a create is refused because of an unknown field',
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
    summary: 'every call is refused because of its key',
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
    summary: 'a create is refused because the organisation is not verified',
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
    summary: 'the server has no video routes',
    routes: VIDEO_ROUTES,
    error: { status: 404, message: 'Invalid URL ({call})' },
  },
  {
    kind: 'refusal',
    name: 'rate_limit_exceeded',
    summary: 'a create is refused with 429 and a Retry-After of one second',
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
    summary: 'the job fails: refused by moderation',
    failure: { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' },
  },
  {
    kind: 'job',
    name: 'processing_error',
    summary: 'the job fails because of a server error',
    failure: { code: 'processing_error', message: 'The video could not be generated due to an internal error.' },
  },
  { kind: 'job', name: 'stuck', summary: 'the job stays in progress at 99 % forever', endless: true },
  { kind: 'job', name: 'slow', summary: 'the job takes ten times as long', slowdown: 10 },
  {
    kind: 'behaviour',
    name: 'create-dropped-after-accept',
    summary: 'a job is created, and the connection drops before the reply',
    routes: CREATE,
  },
  {
    kind: 'behaviour',
    name: 'reset-before-accept',
    summary: 'the connection drops during a create, and no job is created',
    routes: CREATE,
  },
  {
    kind: 'behaviour',
    name: 'poll-drop',
    summary: 'every second poll of a job drops the connection',
    routes: ['retrieve'],
  },
  {
    kind: 'behaviour',
    name: 'cut-download',
    summary: 'downloads stop half-way; each range request returns half of the rest, until it is complete',
    routes: ['content'],
  },
  {
    kind: 'behaviour',
    name: 'html-instead-of-json',
    summary: 'every call returns 200 with a login page',
    routes: ALL_ROUTES,
  },
  {
    kind: 'behaviour',
    name: 'json-as-mp4',
    summary: 'a download returns a JSON error labelled video/mp4',
    routes: ['content'],
  },
] as const satisfies readonly Fault[];

export type FaultName = (typeof FAULTS)[number]['name'];

export const FAULT_NAMES: readonly FaultName[] = FAULTS.map(({ name }) => name);

/** A fault by its name, with `-` and `_` interchangeable; null for an unknown name. */
export function parseFault(text: string): FaultName | null {
  return FAULT_NAMES.find((name) => normalize(name) === normalize(text)) ?? null;
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The same table, typed by kind. */
const ROWS: readonly Fault[] = FAULTS;
const JOB_FAULTS = ROWS.filter((fault) => fault.kind === 'job');
const REFUSALS = ROWS.filter((fault) => fault.kind === 'refusal');

/** Whether a fault applies to a route; job faults apply to creates. */
export function hits(name: FaultName, route: RouteName): boolean {
  const fault = ROWS.find((row) => row.name === name);
  if (fault === undefined) return false;
  return (fault.kind === 'job' ? CREATE : fault.routes).includes(route);
}

/** The job fault of this name, if it is one. */
export function findJobFault(name: string | null): JobFault | undefined {
  return JOB_FAULTS.find((fault) => fault.name === name);
}

/** The refusal that a fault causes on a route, if any. */
export function findRefusal(name: string | null, route: RouteName): ApiErrorDetails | undefined {
  return REFUSALS.find((fault) => fault.name === name && fault.routes.includes(route))?.error;
}
