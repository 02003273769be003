import { SIMULATOR_BASE_URL } from './profile-names.ts';

/** Every error as data, one row per code: commands, `doctor` and the generated docs/errors.md share this table. */
export interface CatalogueEntry {
  /** One line, lower case. */
  readonly title: string;
  /** What the error means and what `sora` did about it. */
  readonly explanation: string;
  readonly hints: readonly Hint[];
  /** Special cases, recognised by the cause in the server's or the network's own words. The first match replaces `hints`. */
  readonly cases?: readonly Case[];
  /** Exit code of a command that ends with this error; 1 if left out. */
  readonly exitCode?: number;
  /** Whether the same call may succeed later. */
  readonly retryable?: boolean;
}

/**
 * What to do; starts with a verb. `{name}` is a fact of the error, and a part in brackets is left out if its fact is unknown.
 * Of several wordings, the first one whose other facts are all known is used.
 */
export type Hint = string | readonly string[] | ServerHint;

/** A hint that does not apply to one server. */
interface ServerHint {
  readonly hint: string;
  /** The base URL of that server. */
  readonly exceptAt: string;
}

/** The simulator reports the errors of real servers, and a hint to use it would be odd there. */
function simulateTo(purpose: string): ServerHint {
  return { hint: `add \`--simulate\` to ${purpose}`, exceptAt: SIMULATOR_BASE_URL };
}

interface Case {
  readonly about: string;
  readonly words: RegExp;
  readonly hints: readonly Hint[];
}

function about(what: string, words: RegExp, hints: readonly Hint[]): Case {
  return { about: what, words, hints };
}

const SIMULATE = simulateTo('use the simulator in the meantime');
const SIMULATE_KEYLESS = simulateTo('continue without a key, free and offline');
const SET_UP_ANOTHER =
  'run `sora init` to set up a server that still offers it (vLLM-Omni, SGLang Diffusion, LiteLLM and others)';
const SEE_BASE_URL = 'run `sora config list` to see where the base URL is set';
const DEBUG_RESPONSE = 'run the command with `--debug` to see the response';
const CHECK_LOAD = 'try again, or check the server’s load';

const USAGE_PAGE = 'https://platform.openai.com/usage';
const MODEL_ACCESS_PAGE = 'https://openai.com/waitlist/sora';
const ORGANIZATION_PAGE = 'https://platform.openai.com/settings/organization/general';

const CATALOGUE = {
  usage: {
    title: 'invalid usage',
    explanation: 'The command line could not be parsed. Nothing was sent.',
    hints: [['run `sora {command} --help` to see its arguments and options', 'run `sora --help` to list all commands']],
    exitCode: 2,
  },
  invalid_request: {
    title: 'invalid request',
    explanation: 'The request cannot be fulfilled as written. All problems are listed together. Nothing was sent.',
    hints: [
      [
        'run `sora {command} --help` to see what each option accepts',
        'run `sora create --help` to see what each option accepts',
      ],
    ],
    cases: [
      about('a refusal by the server', /^HTTP \d/, [
        'add `--dry-run` to see the request without sending it',
        'run `sora create --help` to see what each option accepts',
      ]),
    ],
    exitCode: 2,
  },
  invalid_config: {
    title: 'invalid settings',
    explanation:
      'The settings, the stored keys or the ledger could not be read, or a setting has an invalid value. No file was changed.',
    hints: [
      'run `sora config path` to find the files, then fix the reported line',
      'run `sora config list` to see every value and its origin',
    ],
    exitCode: 2,
  },
  invalid_manifest: {
    title: 'invalid manifest',
    explanation:
      'Some rows of the manifest could not be read, or their requests are invalid. All problems are listed with line numbers. Nothing was sent.',
    hints: ['run `sora batch --schema` to see the format of a row'],
    exitCode: 2,
  },
  file_exists: {
    title: 'the output file already exists',
    explanation: 'It was not changed, and nothing was sent.',
    hints: ['add `--force` to overwrite it, or choose another name with `-o`'],
    exitCode: 2,
  },
  no_api_key: {
    title: 'no API key for this server',
    explanation:
      'The server requires a key, and none is configured for it. A key is never sent to a server it does not belong to: `OPENAI_API_KEY` is sent to OpenAI and to a base URL from the command line or the environment. A profile’s server gets it only if the profile names that variable.',
    hints: [
      ['run `sora config key set --profile {own_profile}` to store one', 'set `OPENAI_API_KEY` in the environment'],
      [
        'run `sora config set profiles.{own_profile}.key_from_env OPENAI_API_KEY` to use that variable’s key',
        'run `sora config key set --profile {stored_for}` to store one',
        'run `sora config profile add NAME --base-url {base_url}`, then `sora config key set --profile NAME`',
        'run `sora config key set` to store one',
      ],
      'run `sora init` to set up another server',
      SIMULATE_KEYLESS,
    ],
    cases: [
      about('OpenAI, which has shut down its Videos API', /shut down its Videos API/, [
        SET_UP_ANOTHER,
        SIMULATE_KEYLESS,
        'run `sora config key set` to store an OpenAI key anyway',
      ]),
    ],
    exitCode: 4,
  },
  invalid_api_key: {
    title: 'the API key was rejected',
    explanation: 'The server rejected the key that was sent.',
    hints: [
      [
        'check the key from {key_origin}: it was sent to {origin}',
        'run `sora config list` to see which key is used and its origin',
      ],
      ['check that the key belongs to {origin}', 'check that the key belongs to this server'],
      simulateTo('continue without a key'),
    ],
    exitCode: 4,
  },
  permission_denied: {
    title: 'the API key lacks permission for this call',
    explanation: 'The key is valid, but it has no permission for this call, project or region.',
    hints: ['check the permissions, project and organisation of the key[ from {key_origin}] in the server’s console'],
    exitCode: 4,
  },
  organization_not_verified: {
    title: 'the organisation is not verified for this model',
    explanation: 'The server offers this model to verified organisations only.',
    hints: [`verify the organisation at ${ORGANIZATION_PAGE}, then wait a few minutes`, SIMULATE],
    exitCode: 4,
  },
  model_not_found: {
    title: 'the model does not exist, or the key has no access to it',
    explanation:
      'The server does not offer this model to this key. The name may be wrong, access may be missing, or the model was retired.',
    hints: [
      'check the model name[: `{model}`][; did you mean `{near_model}`?]',
      [
        'run `sora models --profile {stored_for}` to list what the server offers',
        'run `sora models --base-url {base_url}` to list what the server offers',
        'run `sora models` to list what the server offers',
      ],
      `request access at ${MODEL_ACCESS_PAGE} if it is an OpenAI model`,
      SIMULATE,
    ],
    cases: [
      about('a retired model', /deprecated|retired/i, [
        'choose another model with `--model`: this one was retired',
        'add `--base-url http://HOST:PORT/v1` to use another server',
        SIMULATE,
      ]),
      about('an Azure deployment', /\bdeployment\b/i, [
        'check the model name: on Azure it is the name of your deployment',
        'check that the base URL points to the resource that contains the deployment',
        SIMULATE,
      ]),
    ],
    exitCode: 4,
  },
  insufficient_quota: {
    title: 'out of quota',
    explanation: 'The account has no credit left. Waiting does not help, so the request is not retried.',
    hints: [
      `add credit and check the usage (OpenAI: ${USAGE_PAGE})`,
      'check the limits of the plan, or upgrade it',
      SIMULATE,
    ],
    exitCode: 7,
  },
  billing_hard_limit_reached: {
    title: 'billing limit reached',
    explanation: 'The account has reached its spending limit.',
    hints: [`raise the limit, or wait for the next billing period (OpenAI: ${USAGE_PAGE})`],
    exitCode: 7,
  },
  cost_cap_exceeded: {
    title: 'this would cost more than allowed',
    explanation: 'The estimate exceeds a cap, or the amount that is spent without confirmation. Nothing was sent.',
    hints: ['raise the cap with `--max-cost`', 'run `sora config list` to see the caps in effect'],
    exitCode: 7,
  },
  rate_limit_exceeded: {
    title: 'rate limit exceeded',
    explanation: 'The server is limiting requests. It refused this one without creating anything, so nothing was paid.',
    hints: [['wait {retry_after}, then run the command again', 'wait a minute, then run the command again']],
    retryable: true,
  },
  endpoint_not_found: {
    title: 'the server has no such endpoint',
    explanation: 'The server responded, but does not know this path. The base URL or the dialect is probably wrong.',
    hints: [
      [
        'use the base URL {versioned_url}: the API is usually below `/v1`',
        'check the base URL[ {base_url}]; it usually ends in `/v1`',
      ],
      'run `sora doctor` to find the right base URL and dialect',
      SEE_BASE_URL,
    ],
    cases: [
      about('a redirect (creates do not follow redirects)', /redirected to/, [
        'set the base URL to the redirect target, without `/videos`, if you trust it',
        SEE_BASE_URL,
      ]),
    ],
  },
  service_retired: {
    title: 'OpenAI has shut down its Videos API',
    explanation:
      'OpenAI shut down its Videos API and the sora-2 models on 2026-09-24 and announced no replacement. Other servers still offer the same API.',
    hints: [
      SET_UP_ANOTHER,
      'add `--base-url http://HOST:PORT/v1` to use a server without a profile',
      simulateTo('use the simulator, free and offline'),
    ],
  },
  video_not_found: {
    title: 'no such video',
    explanation: 'Neither the server nor the local ledger has a video with this id.',
    hints: [
      'run `sora list` to see the known videos',
      'check that `--profile` or `--base-url` selects the server that created it',
    ],
  },
  content_not_ready: {
    title: 'the video is not ready to download',
    explanation: 'The job has not finished, or its file is not available yet.',
    hints: [
      [
        'run `sora download {id}[{target}] --wait` to wait for the video and save it',
        'run `sora status --watch` to wait for all unfinished jobs',
      ],
    ],
    retryable: true,
  },
  content_refused: {
    title: 'the URL of the video’s file refuses the download',
    explanation:
      'The job is finished and paid for, but the URL of its file refuses access: an expired signed link, a firewall, or a server that requires other credentials. The server was asked for a fresh URL first. Your key was not sent there.',
    hints: ['check whether a firewall or proxy blocks that URL; the video itself is finished and paid for'],
  },
  content_expired: {
    title: 'the video’s files have expired',
    explanation: 'Servers keep finished files for a limited time (OpenAI: one hour), and that time has passed.',
    hints: ['run `sora create --again` with the same request to create it again; this is billed again'],
    exitCode: 5,
  },
  moderation_blocked: {
    title: 'blocked by moderation',
    explanation:
      'The server’s moderation blocked the prompt, the reference image or the result. Retrying the same request will not help.',
    hints: ['change the prompt or the image, then run the command again'],
    exitCode: 5,
  },
  reference_size_mismatch: {
    title: 'the reference image has the wrong size',
    explanation: 'A reference image must have exactly the same size as the video.',
    hints: [['resize the image to {size}', 'resize the image, or request its size with `--size`']],
    exitCode: 2,
  },
  server_error: {
    title: 'the server returned an error',
    explanation: 'The server reported an internal error.',
    hints: ['try again in a few minutes', 'include the request id when you report this to the server’s operator'],
    retryable: true,
  },
  unreadable_response: {
    title: 'could not parse the server’s response',
    explanation:
      'The response is not one of the Videos API. It may be a login page, a proxy’s error page, or another service at this URL.',
    hints: ['check the base URL[ {base_url}]', DEBUG_RESPONSE],
    cases: [
      about('an HTML page', /an HTML page/, [
        'check the base URL: it leads to a web page, not to an API',
        'sign in first if this is the login page of your network or proxy',
        DEBUG_RESPONSE,
      ]),
    ],
  },
  dns_failure: {
    title: 'could not resolve the server’s host name',
    explanation: 'DNS has no address for the host in the base URL, or the network is down.',
    hints: [['check the spelling of `{host}`, and your network', 'check the base URL and your network']],
    retryable: true,
  },
  connection_failed: {
    title: 'could not connect to the server',
    explanation: 'The connection could not be opened, or was lost before the server responded.',
    hints: ['check that the server is running[ at {origin}]', 'check your network, the base URL and the proxy'],
    cases: [
      about('a closed connection', /socket hang up|ECONNRESET/, [
        'check that the port in the base URL really speaks `http://` or `https://`, as written',
        'check the log of the server or of its reverse proxy: it accepted the connection, then closed it',
        'try again if it worked before',
      ]),
    ],
    retryable: true,
  },
  tls_failure: {
    title: 'could not establish a secure connection',
    explanation: 'The server’s certificate could not be verified, or the port does not speak TLS. No request was sent.',
    hints: [
      'set `NODE_EXTRA_CA_CERTS` to the file of your certificate authority if you run your own',
      'check `https://` and the port in the base URL',
    ],
    cases: [
      about('a certificate that is expired or not yet valid', /certificate (has expired|is not yet valid)/i, [
        'check the clock of this machine',
        'ask the server’s operator to renew the certificate if the clock is right',
      ]),
      about('a certificate for another host name', /does not match certificate/i, [
        'check the host name in the base URL: the certificate is for another one',
      ]),
      about('a server that requires a client certificate', /certificate required|bad certificate/i, [
        'ask the server’s operator for another way in: `sora` does not support client certificates',
      ]),
      about('a port without TLS', /wrong version number|packet length too long/i, [
        'use `http://` in the base URL, or another port: this one does not use TLS',
      ]),
      about('a port that requires TLS', /http request.{0,30}https/i, [
        'use `https://` in the base URL: this port requires TLS',
      ]),
    ],
  },
  proxy_failure: {
    title: 'could not connect through the proxy',
    explanation: 'The proxy could not be reached, or it refused the request.',
    hints: ['check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`'],
    cases: [
      about('a proxy that requires a password', /\b407\b|proxy authentication/i, [
        'set `HTTPS_PROXY` and `HTTP_PROXY` to a URL with user and password: http://USER:PASSWORD@HOST:PORT',
      ]),
    ],
    retryable: true,
  },
  request_timeout: {
    title: 'the request timed out',
    explanation: 'The server did not respond within the timeout of a single request.',
    hints: ['check the host and port in the base URL[ {base_url}]', CHECK_LOAD],
    cases: [
      about('a request through a proxy', /through the proxy/, [
        'check the proxy (`HTTPS_PROXY`, `HTTP_PROXY`), and list hosts that need none in `NO_PROXY`',
        CHECK_LOAD,
      ]),
    ],
    retryable: true,
  },
  outcome_unknown: {
    title: 'outcome unknown: the server may have created the video',
    explanation:
      'The request was sent, but no usable response arrived. The server may be rendering the video and may charge for it, so `sora` does not resend the request. A video missing from the server’s list proves nothing: lists lag, and each machine behind a load balancer may know only its own jobs.',
    hints: [
      ['run `sora status {key}` to look for it on the server again', 'run `sora list` to see whether it appeared'],
      [
        'run `sora attach {key} ID` to continue with a job of the server that you know to be it',
        'run `sora attach SUBMISSION ID` to continue with a job of the server that you know to be it',
      ],
      [
        'run `sora forget {key}` when you are sure that it does not exist; the request can then be submitted again',
        'add `--again` to submit it again when you are sure that it does not exist',
      ],
    ],
  },
  ledger_damaged: {
    title: 'the ledger is damaged, so nothing is paid',
    explanation:
      'The ledger holds lines that cannot be read, or is shorter than it was: it was cut, emptied, replaced or removed. A submission of the same request may be lost with it, so nothing is submitted until you have looked at the damage. The readable jobs can still be shown and downloaded.',
    hints: ['run `sora ledger check` to see what may be lost, and to repair the file or begin a new one'],
  },
  ledger_unreachable: {
    title: 'the shared ledger cannot be reached, so nothing is paid',
    explanation:
      'The ledger is in a PostgreSQL database (`SORA_LEDGER`, or the setting `ledger`) that refused the connection or the call. Without it, `sora` cannot know what others have submitted and spent, so nothing is submitted. Waits for running jobs continue; their events are recorded when the database is back.',
    hints: [
      'run `sora doctor` to check the connection to the ledger',
      'check the URL with `psql`, which accepts the same URLs and reads the same ~/.pgpass and service file',
    ],
  },
  duplicate_request: {
    title: 'the server has already received this request',
    explanation: 'The server has seen the idempotency key of this submission before.',
    hints: ['run `sora list` to find the job'],
  },
  job_failed: {
    title: 'the job failed',
    explanation: 'The server accepted the job, but it ended without a video.',
    hints: [
      [
        'change the prompt, or run `sora create --from {id}` to create it again',
        'change the prompt, or create the video again',
      ],
    ],
    exitCode: 5,
  },
  wait_timeout: {
    title: 'timed out; the job is still running',
    explanation: 'The wait ended before the job did. The job continues on the server; nothing is lost.',
    hints: [['run `sora status {id} --watch{target}` to keep waiting', 'run `sora status --watch` to keep waiting']],
    exitCode: 8,
    retryable: true,
  },
  cannot_cancel: {
    title: 'could not cancel the job; it is still running',
    explanation: 'The server did not stop the job. It continues and is billed.',
    hints: [
      [
        'run `sora cancel {id}[{target}] --wait` to delete it as soon as it ends',
        'wait for it to end, then run `sora delete`',
      ],
    ],
  },
  already_finished: {
    title: 'the job has already finished',
    explanation: 'There is nothing left to cancel. To remove a finished video, use `delete`.',
    hints: ['run `sora delete[ {id}][{target}]` to remove it from the server'],
  },
  download_corrupt: {
    title: 'the download is incomplete or not a video',
    explanation:
      'The download was cut short, or contained an error page or message instead of a video. It was not saved as the video.',
    hints: ['run `sora download[ {id}]` to try again'],
    retryable: true,
  },
  cannot_write: {
    title: 'could not write the file',
    explanation: 'The file system refused. A finished video stays on the server for a while.',
    cases: [
      about('a file in place of a folder', /^ENOTDIR|^EEXIST.* mkdir/, [
        'choose another place with `-o` or `SORA_HOME`: a part of this path is a file',
      ]),
      about('a limit on file size', /^EFBIG/, [
        'raise the limit on file size (`ulimit -f`), or choose another place with `-o` or `SORA_HOME`',
      ]),
    ],
    hints: [
      [
        'free some disk space, or set `SORA_HOME` to a writable folder instead of {own_folder}',
        'free some disk space, or choose another place with `-o`',
      ],
    ],
  },
  cannot_listen: {
    title: 'could not listen on this address',
    explanation: 'The port is in use or needs elevated rights, or the address is not an address of this machine.',
    hints: ['choose another port with `--port`, or use `--port 0` for any free port'],
  },
  not_supported: {
    title: 'this server does not support that',
    explanation: 'The server, or its dialect, has no such function. `sora` does not fall back to another one.',
    hints: ['run `sora doctor --server` to see what the server supports'],
  },
  interrupted: {
    title: 'interrupted',
    explanation: 'The command was interrupted. Jobs continue on the server.',
    hints: [['run `sora status {id} --watch{target}` to keep waiting', 'run `sora status` to see the unfinished jobs']],
    exitCode: 130,
  },
  unexpected: {
    title: 'unexpected error',
    explanation: 'This is a bug in `sora`.',
    hints: ['run the command with `--debug` and report its output'],
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

export const ERROR_CODES = Object.keys(CATALOGUE) as readonly ErrorCode[];

/** The row of a code, complete. */
export function errorEntry(code: ErrorCode): Required<CatalogueEntry> {
  return { cases: [], exitCode: 1, retryable: false, ...CATALOGUE[code] };
}
