import type { ApiErrorDetails } from './api-error.ts';
import { ROUTE_NAMES, type RouteName } from './routes.ts';

/** A job that is created and then fails or hangs. */
export interface JobFault {
  /** The error of the failed job; left out if the job does not fail. */
  readonly failure?: { readonly code: string; readonly message: string };
  /** Multiplies the job's usual duration. */
  readonly slowdown?: number;
  /** The job never finishes. */
  readonly endless?: true;
}

/** Without `refusal` and `job`, the connection or the content is faulty; the routes implement that. */
interface Fault {
  readonly summary: string;
  /** The calls that it applies to. */
  readonly routes: readonly RouteName[];
  /** Refuses calls before anything else is checked; `{call}` in the message becomes the method and path of the request. */
  readonly refusal?: ApiErrorDetails;
  readonly job?: JobFault;
}

/** The routes that create a video, which costs money on a real server. */
const CREATE: readonly RouteName[] = ['create', 'remix', 'edit', 'extend', 'createBatch'];

function refused(summary: string, routes: readonly RouteName[], refusal: ApiErrorDetails): Fault {
  return { summary, routes, refusal };
}

function brokenJob(what: string, job: JobFault): Fault {
  return { summary: `the job ${what}`, routes: CREATE, job };
}

const TABLE = {
  invalid_value: refused('a create is refused because of its seconds', CREATE, {
    status: 400,
    code: 'invalid_value',
    param: 'seconds',
    message: "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
  }),
  reference_size_mismatch: refused('a create is refused because of the size of its reference image', CREATE, {
    status: 400,
    message: 'Inpaint image must match the requested width and height',
  }),
  unknown_parameter: refused('a create is refused because of an unknown field', CREATE, {
    status: 400,
    code: 'unknown_parameter',
    param: 'width',
    message: "Unknown parameter: 'width'",
  }),
  moderation_blocked_input: refused('a create is refused by moderation', CREATE, {
    status: 400,
    code: 'moderation_blocked',
    message:
      'Your request was blocked by our moderation system when checking inputs. Possible reasons: people-in-user-uploads.',
  }),
  billing_hard_limit_reached: refused('a create is refused because the spending limit is reached', CREATE, {
    status: 400,
    type: 'billing_limit_user_error',
    code: 'billing_hard_limit_reached',
    message: 'Billing hard limit has been reached.',
  }),
  invalid_api_key: refused('every call is refused because of its key', ROUTE_NAMES, {
    status: 401,
    code: 'invalid_api_key',
    message: 'Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.',
  }),
  organization_not_verified: refused('a create is refused because the organisation is not verified', CREATE, {
    status: 403,
    message:
      'Your organization must be verified to use the model `sora-2`. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just verified, it can take up to 15 minutes for access to propagate.',
  }),
  model_not_found: refused('the key has no access to the model', [...CREATE, 'model'], {
    status: 404,
    code: 'model_not_found',
    message: "The model 'sora-2' does not exist or you do not have access",
  }),
  model_deprecated: refused('the model is retired', [...CREATE, 'model'], {
    status: 404,
    code: 'model_not_found',
    message: "The model 'sora-2' has been deprecated, learn more here: https://platform.openai.com/docs/deprecations",
  }),
  invalid_url: refused(
    'the server has no video routes',
    [...CREATE, 'list', 'retrieve', 'remove', 'content', 'createCharacter', 'character'],
    { status: 404, message: 'Invalid URL ({call})' },
  ),
  rate_limit_exceeded: refused('a create is refused with 429 and a Retry-After of one second', CREATE, {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message:
      'Rate limit reached for sora-2 on requests per min (RPM): Limit 25, Used 25, Requested 1. Please try again in 1s.',
    headers: { 'retry-after': '1' },
  }),
  insufficient_quota: refused('a create is refused because the credits are used up', CREATE, {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message:
      'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
  }),
  server_error: refused('every call fails with 500', ROUTE_NAMES, {
    status: 500,
    type: 'server_error',
    message: 'The server had an error while processing your request. Sorry about that!',
  }),
  service_unavailable: refused('every call fails with 503', ROUTE_NAMES, {
    status: 503,
    type: 'service_unavailable_error',
    message: 'The server is currently overloaded with other requests. Please try again later.',
  }),
  moderation_blocked: brokenJob('fails: refused by moderation', {
    failure: { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' },
  }),
  processing_error: brokenJob('fails because of a server error', {
    failure: { code: 'processing_error', message: 'The video could not be generated due to an internal error.' },
  }),
  stuck: brokenJob('stays in progress at 99% forever', { endless: true }),
  slow: brokenJob('takes ten times as long', { slowdown: 10 }),
  'create-dropped-after-accept': {
    summary: 'a job is created, and the connection drops before the reply',
    routes: CREATE,
  },
  'reset-before-accept': { summary: 'the connection drops during a create, and no job is created', routes: CREATE },
  'poll-drop': { summary: 'every second poll of a job drops the connection', routes: ['retrieve'] },
  'cut-download': {
    summary: 'downloads stop halfway; each range request returns half of the rest, until it is complete',
    routes: ['content'],
  },
  'html-instead-of-json': { summary: 'every call returns 200 with a login page', routes: ROUTE_NAMES },
  'json-as-mp4': { summary: 'a download returns a JSON error labelled video/mp4', routes: ['content'] },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof TABLE;

/** Every fault the simulator can produce, with the messages of the servers where it was observed. */
export const FAULTS: Readonly<Record<FaultName, Fault>> = TABLE;
export const FAULT_NAMES = Object.keys(TABLE) as readonly FaultName[];

/** A fault by its name, with `-` and `_` interchangeable; null for an unknown name. */
export function parseFault(text: string): FaultName | null {
  return FAULT_NAMES.find((name) => normalize(name) === normalize(text)) ?? null;
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

export function appliesTo(name: FaultName, route: RouteName): boolean {
  return FAULTS[name].routes.includes(route);
}
