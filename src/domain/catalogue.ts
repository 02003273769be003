/**
 * What can go wrong, as data: one row an error code. Commands, `doctor` and the
 * generated `docs/errors.md` all read this table, so the words exist once.
 *
 * `{name}` in a hint is filled from the facts of the case. Where a hint is a list
 * of wordings, the first whose facts are all known is taken, so that every row
 * has something to say whatever is known.
 */
export interface CatalogueEntry {
  /** One line, lower case; what a person reads first. */
  readonly title: string;
  /** What it means and what `sora` did about it. */
  readonly explanation: string;
  /** Each starts with a verb or a command. */
  readonly hints: readonly (string | readonly string[])[];
  /** Hints for cases that the server's or the network's own words tell apart; the first that fits takes the place of the rest. */
  readonly cases?: readonly {
    readonly about: string;
    readonly words: RegExp;
    readonly hints: readonly string[];
  }[];
  /** The exit code of a command that ends with it. */
  readonly exitCode: number;
  /** Whether the same call may succeed later without a change. */
  readonly retryable?: boolean;
}

const USAGE_PAGE = 'https://platform.openai.com/usage';
const MODEL_ACCESS_PAGE = 'https://openai.com/waitlist/sora';
const ORGANIZATION_PAGE = 'https://platform.openai.com/settings/organization/general';

export const CATALOGUE = {
  usage: {
    title: 'wrong usage',
    explanation: 'The command line could not be understood. Nothing was sent.',
    hints: [['run `sora {command} --help` to see what it takes', 'run `sora --help` to see all commands']],
    exitCode: 2,
  },
  invalid_request: {
    title: 'the request is not valid',
    explanation: 'The request asks for something that cannot be made. All faults found are listed together.',
    hints: [
      'run `sora create --help` to see what each option takes',
      'add `--dry-run` to see what would be sent, without sending it',
    ],
    exitCode: 2,
  },
  invalid_config: {
    title: 'the settings are not valid',
    explanation:
      'The settings file, the key file or the ledger could not be read, or a setting has an impossible value. The file is left as it is.',
    hints: [
      'run `sora config path` to find the files, and mend the line that is named',
      'run `sora config list` to see each value with its origin',
    ],
    exitCode: 2,
  },
  invalid_manifest: {
    title: 'the manifest is not valid',
    explanation:
      'Rows of the manifest could not be read or ask for impossible videos. All faults are listed with their line numbers. Nothing was sent.',
    hints: ['run `sora batch --schema` to see what a row may hold'],
    exitCode: 2,
  },
  file_exists: {
    title: 'the output file exists already',
    explanation: 'A file stands where the result would be saved. It was not touched, and nothing was sent.',
    hints: ['add `--force` to overwrite it, or choose another name with `-o`'],
    exitCode: 2,
  },
  no_api_key: {
    title: 'no API key for this server',
    explanation:
      'The server wants a key and none is known for it. A key that belongs to another server is never sent in its place: what `OPENAI_API_KEY` holds goes to OpenAI and to a base URL from the command line or the environment, and to a profile’s server when the profile names that variable.',
    hints: [
      ['run `sora config key set --profile {own_profile}` to store one', 'set `OPENAI_API_KEY` in the environment'],
      [
        'run `sora config set profiles.{own_profile}.key_from_env OPENAI_API_KEY` to send it what that variable holds',
        'run `sora config key set --profile {stored_for}` to store one',
        'run `sora config profile add NAME --base-url {base_url}`, then `sora config key set --profile NAME`, to store one',
        'run `sora config key set` to store one',
      ],
      'run `sora init` to set up another server',
      'add `--simulate` to go on without a key, free and offline',
    ],
    cases: [
      {
        about: 'OpenAI’s service, which has ended',
        words: /shut its Videos API down/,
        hints: [
          'run `sora init` to set up a server that still speaks it (vLLM-Omni, SGLang Diffusion, LiteLLM and others)',
          'add `--simulate` to go on without a key, free and offline',
          'run `sora config key set` to store a key of OpenAI’s all the same',
        ],
      },
    ],
    exitCode: 4,
  },
  invalid_api_key: {
    title: 'the API key was rejected',
    explanation: 'The server does not accept the key that was sent.',
    hints: [
      'run `sora config list` to see which key is used and where it comes from',
      ['check that the key belongs to {origin}', 'check that the key belongs to this server'],
      'add `--simulate` to go on without a key',
    ],
    exitCode: 4,
  },
  permission_denied: {
    title: 'the key may not do this',
    explanation: 'The key is valid but lacks the right for this call, its project, or its region.',
    hints: ['check the key’s permissions, project and organisation on the server’s pages'],
    exitCode: 4,
  },
  organization_not_verified: {
    title: 'the organisation is not verified for this model',
    explanation: 'The server serves this model to verified organisations only.',
    hints: [
      `verify the organisation at ${ORGANIZATION_PAGE}, then wait some minutes`,
      'add `--simulate` to work meanwhile',
    ],
    exitCode: 4,
  },
  model_not_found: {
    title: 'the model does not exist here, or the key has no access to it',
    explanation:
      'The server knows no model of this name for this key. The name may be wrong, access may be missing, or the model was retired.',
    hints: [
      ['check the model’s name: `{model}`', 'check the model’s name'],
      `request access at ${MODEL_ACCESS_PAGE} when it is one of OpenAI’s`,
      'add `--simulate` to work with the simulator meanwhile',
    ],
    cases: [
      {
        about: 'a model that was retired',
        words: /deprecated|retired/i,
        hints: [
          'choose another model of this server with `--model`: this one was retired',
          'add `--base-url http://HOST:PORT/v1` to use another server',
          'add `--simulate` to work with the simulator meanwhile',
        ],
      },
      {
        about: 'a deployment of Azure',
        words: /\bdeployment\b/i,
        hints: [
          'check the model’s name: on Azure it is the name of your deployment',
          'check that the base URL names the resource that has the deployment',
          'add `--simulate` to work with the simulator meanwhile',
        ],
      },
    ],
    exitCode: 4,
  },
  insufficient_quota: {
    title: 'out of quota',
    explanation: 'The account has no credit left. Waiting does not help, so the call is not repeated.',
    hints: [
      `add credits, and check what was used (OpenAI: ${USAGE_PAGE})`,
      'check the plan and its limits, or upgrade it',
      'add `--simulate` to work meanwhile',
    ],
    exitCode: 7,
  },
  billing_hard_limit_reached: {
    title: 'the billing limit is reached',
    explanation: 'The account has a spending limit and has reached it.',
    hints: [`raise the limit, or wait for the next period (OpenAI: ${USAGE_PAGE})`],
    exitCode: 7,
  },
  cost_cap_exceeded: {
    title: 'this would cost more than allowed',
    explanation: 'The estimate is above a cap, or above what is spent without asking. Nothing was sent.',
    hints: [
      ['raise the cap with `--max-cost {needed_usd}`', 'raise the cap with `--max-cost`'],
      'add `--yes` to approve the price',
      'run `sora config list` to see the caps that are set',
    ],
    exitCode: 7,
  },
  rate_limit_exceeded: {
    title: 'too many requests',
    explanation: 'The server asks to slow down. It refused before doing anything, so nothing was paid.',
    hints: [['wait {retry_after} and run the command again', 'wait a minute and run the command again']],
    exitCode: 1,
    retryable: true,
  },
  endpoint_not_found: {
    title: 'the server has no such address',
    explanation: 'The server answered, but not to this path. The base URL or the dialect is probably wrong.',
    hints: [
      ['check the base URL {base_url}; it usually ends in `/v1`', 'check the base URL; it usually ends in `/v1`'],
      'run `sora doctor` to look for the right address and the right dialect',
      'run `sora config list` to see where the base URL comes from',
    ],
    cases: [
      {
        about: 'a redirect, which no create follows',
        words: /redirected to/,
        hints: [
          'set the base URL to the address that is redirected to, without its `/videos`, if that is the server’s own',
          'run `sora config list` to see where the base URL comes from',
        ],
      },
    ],
    exitCode: 1,
  },
  service_retired: {
    title: 'OpenAI’s Videos API has ended',
    explanation:
      'OpenAI shut its Videos API and the sora-2 models down on 2026-09-24 and named no replacement. The format lives on in other servers.',
    hints: [
      'run `sora init` to set up a server that still speaks it (vLLM-Omni, SGLang Diffusion, LiteLLM and others)',
      'add `--base-url http://HOST:PORT/v1` to use one without a profile',
      'add `--simulate` to use the simulator, free and offline',
    ],
    exitCode: 1,
  },
  video_not_found: {
    title: 'no such video',
    explanation: 'Neither the server nor the local ledger knows a video of this id.',
    hints: [
      'run `sora list` to see the videos that are known',
      'check that `--profile` or `--base-url` names the server that made it',
    ],
    exitCode: 1,
  },
  content_not_ready: {
    title: 'the video is not ready to download',
    explanation: 'The job has not finished, or the server has not published its file yet.',
    hints: [
      [
        'run `sora status {id}{target} --watch` to wait for it',
        'run `sora status {id} --watch` to wait for it',
        'run `sora status --watch` to wait for all unfinished jobs',
      ],
    ],
    exitCode: 1,
    retryable: true,
  },
  content_expired: {
    title: 'the video’s files have expired',
    explanation: 'Servers keep finished files for a limited time (OpenAI: an hour) and this time has passed.',
    hints: ['run `sora create` again with `--again` to make it anew; this is paid again'],
    exitCode: 5,
  },
  moderation_blocked: {
    title: 'refused by moderation',
    explanation:
      'The server’s moderation refused the prompt, the reference image or the result. Sending the same again will not help.',
    hints: ['change the prompt or the image, then run the command again'],
    exitCode: 5,
  },
  reference_size_mismatch: {
    title: 'the reference image has the wrong size',
    explanation: 'A reference image must have exactly the pixels of the video.',
    hints: [['resize the image to {size}', 'resize the image, or ask for its own size with `--size`']],
    exitCode: 2,
  },
  server_error: {
    title: 'the server failed',
    explanation: 'The server reported a fault of its own.',
    hints: ['try again in some minutes', 'keep the request id if you ask the server’s operator about it'],
    exitCode: 1,
    retryable: true,
  },
  unreadable_response: {
    title: 'the server’s answer could not be understood',
    explanation:
      'What came back is not what the Videos API answers: a login page, a proxy’s page, or another service at this address.',
    hints: [
      ['check the base URL {base_url}', 'check the base URL'],
      'run the command with `--debug` to see what was answered',
    ],
    cases: [
      {
        about: 'a page',
        words: /an HTML page/,
        hints: [
          'check the base URL: at this one there is a page for people',
          'sign in first when it is the login page of your network, or of a proxy',
          'run the command with `--debug` to see what was answered',
        ],
      },
    ],
    exitCode: 1,
  },
  dns_failure: {
    title: 'the server’s name could not be resolved',
    explanation: 'The name in the base URL is unknown to the network’s name service, or there is no network.',
    hints: [['check the spelling of `{host}`, and the network', 'check the base URL and the network']],
    exitCode: 1,
    retryable: true,
  },
  connection_failed: {
    title: 'could not connect to the server',
    explanation: 'The network did not bring the call to the server, or lost it on the way.',
    hints: [
      ['check that the server is running at {origin}', 'check that the server is running'],
      'check the network, the base URL and the proxy',
    ],
    cases: [
      {
        about: 'a server that hung up',
        words: /socket hang up|ECONNRESET/,
        hints: [
          'check that the server speaks what the base URL says at this port, `http://` or `https://`',
          'check the log of the server, or of a proxy before it: it took the call and hung up',
          'try again when it has worked before',
        ],
      },
    ],
    exitCode: 1,
    retryable: true,
  },
  tls_failure: {
    title: 'no trusted connection to the server',
    explanation:
      'The server’s certificate could not be verified, or nobody speaks TLS there. Nothing was sent over the connection.',
    hints: [
      'set `NODE_EXTRA_CA_CERTS` to the certificate authority’s file when it is your own',
      'check that the base URL’s `https://` and port are right',
    ],
    cases: [
      {
        about: 'a certificate that is not valid now',
        words: /certificate (has expired|is not yet valid)/i,
        hints: [
          'check the clock of this machine, and set it when it is wrong',
          'ask the server’s operator to renew the certificate when the clock is right',
        ],
      },
      {
        about: 'a certificate of another name',
        words: /does not match certificate/i,
        hints: ['check the name in the base URL: the certificate is for another one'],
      },
      {
        about: 'a server that wants a certificate of yours',
        words: /certificate required|bad certificate/i,
        hints: ['ask the server’s operator for another way in: `sora` has no client certificate to show'],
      },
      {
        about: 'a port without encryption',
        words: /wrong version number|packet length too long/i,
        hints: ['use `http://` in the base URL, or another port: nothing is encrypted at this one'],
      },
      {
        about: 'a port with encryption',
        words: /http request.{0,30}https/i,
        hints: ['use `https://` in the base URL: the server wants encryption at this port'],
      },
    ],
    exitCode: 1,
  },
  proxy_failure: {
    title: 'the proxy did not let the call through',
    explanation: 'The call goes through a proxy, and the proxy refused it or could not be reached.',
    hints: ['check `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`'],
    cases: [
      {
        about: 'a proxy that wants a password',
        words: /\b407\b|proxy authentication/i,
        hints: [
          'set `HTTPS_PROXY` and `HTTP_PROXY` to an address with the user and password: http://USER:PASSWORD@HOST:PORT',
        ],
      },
    ],
    exitCode: 1,
    retryable: true,
  },
  request_timeout: {
    title: 'the server did not answer in time',
    explanation: 'No answer came within the time-out of one call.',
    hints: [
      [
        'check that the base URL {base_url} names the right host and port',
        'check that the base URL names the right host and port',
      ],
      'try again, or check the server’s load',
    ],
    cases: [
      {
        about: 'a call through a proxy',
        words: /through the proxy/,
        hints: [
          'check that the proxy works: `HTTPS_PROXY`, `HTTP_PROXY`, and `NO_PROXY` for hosts that need none',
          'try again, or check the server’s load',
        ],
      },
    ],
    exitCode: 1,
    retryable: true,
  },
  outcome_unknown: {
    title: 'outcome unknown: the server may have created the video',
    explanation:
      'The request left, but its answer never arrived. The server may be working on it, and may charge for it, so `sora` does not send it again. A video that is missing from the server’s list proves nothing: lists lag, and each machine behind a load balancer may know only its own.',
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
    exitCode: 1,
  },
  ledger_damaged: {
    title: 'the ledger is damaged, so nothing is paid',
    explanation:
      'The ledger holds lines that cannot be read. One of them may be a submission of the same request, so nothing is submitted until the damage was looked at. What can be read is still shown and downloaded.',
    hints: ['run `sora ledger check` to see what the damage may hide, and to repair the file'],
    exitCode: 1,
  },
  duplicate_request: {
    title: 'the server says that it has this request already',
    explanation: 'The idempotency key of this submission is in use at the server: it was received before.',
    hints: ['run `sora list` to find the job'],
    exitCode: 1,
  },
  job_failed: {
    title: 'the video was not made',
    explanation: 'The server accepted the job and ended it without a video.',
    hints: ['change the prompt, or run the command again to try once more'],
    exitCode: 5,
  },
  wait_timeout: {
    title: 'the video is not finished yet',
    explanation: 'The time to wait is over. The job goes on at the server; nothing is lost.',
    hints: [['run `sora status {id} --watch{target}` to keep waiting', 'run `sora status --watch` to keep waiting']],
    exitCode: 8,
    retryable: true,
  },
  cannot_cancel: {
    title: 'the job cannot be cancelled and keeps running',
    explanation: 'The server did not stop the job. It goes on and is billed.',
    hints: [
      [
        'run `sora cancel {id}{target} --wait` to delete it as soon as it ends',
        'run `sora cancel {id} --wait` to delete it as soon as it ends',
        'wait for it to end, then run `sora delete`',
      ],
    ],
    exitCode: 1,
  },
  already_finished: {
    title: 'the job has already ended',
    explanation: 'There is nothing left to cancel. Removing a video is the work of `delete`.',
    hints: [
      [
        'run `sora delete {id}{target}` to remove it from the server',
        'run `sora delete {id}` to remove it from the server',
        'run `sora delete` to remove it from the server',
      ],
    ],
    exitCode: 1,
  },
  download_corrupt: {
    title: 'what was downloaded is not the video',
    explanation:
      'The bytes are cut short, or are a page or a message and no video. They were not saved under the video’s name.',
    hints: [['run `sora download {id}` to try again', 'run `sora download` to try again']],
    exitCode: 1,
    retryable: true,
  },
  cannot_write: {
    title: 'could not write the file',
    explanation: 'The file system refused. A video that is finished stays on the server for a while.',
    hints: [
      [
        'set `SORA_HOME` to a folder that can be written, in place of {own_folder}, or make room on the disk',
        'choose another place with `-o`, or make room on the disk',
      ],
    ],
    exitCode: 1,
  },
  cannot_listen: {
    title: 'could not listen at this address',
    explanation: 'The port is taken, needs rights that are missing, or the address is none of this machine.',
    hints: ['choose another port with `--port`, or let one be chosen with `--port 0`'],
    exitCode: 1,
  },
  not_supported: {
    title: 'this server cannot do that',
    explanation: 'The server, or its dialect, has no such function. Nothing is guessed in its place.',
    hints: ['run `sora --help` to see what else there is'],
    exitCode: 1,
  },
  interrupted: {
    title: 'interrupted',
    explanation: 'The command was interrupted. Jobs at the server go on.',
    hints: [['run `sora status {id} --watch{target}` to keep waiting', 'run `sora status` to see the unfinished jobs']],
    exitCode: 130,
  },
  unexpected: {
    title: 'something unexpected happened',
    explanation: 'This is a fault in `sora` itself.',
    hints: ['run the command with `--debug` and report what it prints'],
    exitCode: 1,
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof CATALOGUE;

export const ERROR_CODES = Object.keys(CATALOGUE) as readonly ErrorCode[];
