import type { ErrorCode } from './catalogue.ts';
import { isModeration, type RefusalWords } from './moderation.ts';

/** The day OpenAI shut down its Videos API. */
export const OPENAI_RETIREMENT_MS = Date.UTC(2026, 8, 24);

/** Whether a URL is on OpenAI's own host. */
export function isOpenAiUrl(url: string): boolean {
  return new URL(url).hostname === 'api.openai.com';
}

/** The parts of a server's refusal that identify its cause. */
export interface Refusal extends RefusalWords {
  /** Whether the server is OpenAI itself. */
  readonly isOpenAi: boolean;
  readonly atMs: number;
  /** Whether the request carried a key. */
  readonly hasKey: boolean;
  /** Whether the request was about one video. */
  readonly isAboutVideo: boolean;
}

interface Rule {
  readonly code: ErrorCode;
  /** HTTP statuses; any if left out. */
  readonly status?: readonly number[];
  /** Matches the `code` or `type` of the error body. */
  readonly codes?: readonly string[];
  /** Matches the message: many servers send neither code nor type. */
  readonly text?: RegExp;
  readonly when?: (refusal: Refusal) => boolean;
}

/** The first match wins: exact words come before statuses that several causes share. */
const RULES: readonly Rule[] = [
  {
    code: 'service_retired',
    status: [403, 404, 410],
    when: ({ isOpenAi, atMs, message }) =>
      isOpenAi && atMs >= OPENAI_RETIREMENT_MS && !/organi[sz]ation must be verified/i.test(message),
  },
  { code: 'billing_hard_limit_reached', codes: ['billing_hard_limit_reached', 'billing_limit_user_error'] },
  { code: 'insufficient_quota', codes: ['insufficient_quota', 'insufficient_user_quota', 'budget_exceeded'] },
  {
    code: 'insufficient_quota',
    status: [400, 403, 429],
    text: /exceeded your current quota|insufficient (\w+ )?(quota|credits?|balance|funds)|budget has been exceeded/i,
  },
  { code: 'insufficient_quota', status: [402] },
  // LiteLLM reports these with 401, although the key is valid.
  { code: 'model_not_found', codes: ['key_model_access_denied', 'team_model_access_denied'] },
  { code: 'organization_not_verified', text: /organi[sz]ation must be verified/i },
  { code: 'invalid_api_key', codes: ['invalid_api_key', 'invalid_authentication'] },
  { code: 'no_api_key', status: [401], when: ({ hasKey }) => !hasKey },
  { code: 'invalid_api_key', status: [401] },
  // LiteLLM without a database reports this for every key except its master key.
  { code: 'invalid_api_key', status: [400], text: /^(authentication error.{0,20})?no connected db/i },
  { code: 'moderation_blocked', when: isModeration },
  { code: 'reference_size_mismatch', status: [400, 422], text: /image must match the requested width and height/i },
  { code: 'model_not_found', codes: ['model_not_found', 'deploymentnotfound'] },
  {
    code: 'model_not_found',
    status: [400, 403, 404],
    text: /(model|deployment)\b.{0,80}(does not exist|not found|has been deprecated|do(es)? not have access|is not supported)/is,
  },
  {
    code: 'model_not_found',
    status: [400, 404, 422],
    text: /invalid model name|model mismatch|unknown model\b|not a valid model/i,
  },
  { code: 'rate_limit_exceeded', codes: ['rate_limit_exceeded', 'rate_limit_error'] },
  { code: 'rate_limit_exceeded', status: [429] },
  { code: 'endpoint_not_found', text: /invalid url \(/i },
  { code: 'tls_failure', status: [400], text: /http request.{0,30}https/i },
  { code: 'video_not_found', codes: ['task_not_exist', 'video_not_found'] },
  {
    code: 'video_not_found',
    status: [400, 404],
    text: /\b(video|task|job)\b.{0,200}\b(not found|does not exist|not exist)|\b(no such|unknown|not find) (video|task|job)\b/is,
  },
  { code: 'content_expired', codes: ['content_expired', 'video_expired'] },
  { code: 'content_expired', status: [410], when: ({ isAboutVideo }) => isAboutVideo },
  { code: 'duplicate_request', status: [409], text: /idempoten/i },
  { code: 'proxy_failure', status: [407] },
  { code: 'permission_denied', status: [403] },
  { code: 'not_supported', status: [405, 501] },
  { code: 'endpoint_not_found', status: [404, 410] },
  { code: 'request_timeout', status: [408, 504, 524] },
  { code: 'endpoint_not_found', when: ({ status }) => status >= 300 && status < 400 },
  { code: 'invalid_request', when: ({ status }) => status >= 400 && status < 500 },
];

/** The error code of a refusal; `server_error` if no rule matches. */
export function diagnose(refusal: Refusal): ErrorCode {
  return RULES.find((rule) => matches(rule, refusal))?.code ?? 'server_error';
}

function matches({ status, codes, text, when }: Rule, refusal: Refusal): boolean {
  if (status !== undefined && !status.includes(refusal.status)) return false;
  if (
    codes !== undefined &&
    ![refusal.code, refusal.type].some((word) => word !== null && codes.includes(word.toLowerCase()))
  ) {
    return false;
  }
  if (text !== undefined && !text.test(refusal.message)) return false;
  return when?.(refusal) ?? true;
}

/** A network error, as Node reports it. */
export interface NetworkFault {
  readonly code: string;
  /** The system call that failed, if any. */
  readonly syscall: string | null;
}

const NETWORK_CODES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(ENOTFOUND|EAI_)/, 'dns_failure'],
  [/^ETIMEDOUT$/, 'request_timeout'],
  [/^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO)/, 'tls_failure'],
  [/^EPROXY$/, 'proxy_failure'],
  [/^ERR_INVALID_CHAR$/, 'invalid_config'],
  [/^EPRIVATE$/, 'permission_denied'],
  // A reply that cannot be parsed, decompressed, decoded or stored.
  [/^(HPE_|Z_|ERR__ERROR|ERR_BROTLI|ZSTD_|EENCODING$|EMSGSIZE$)/, 'unreadable_response'],
];

/** The error code of a network error; `connection_failed` if nothing more specific is known. */
export function diagnoseNetwork(code: string): ErrorCode {
  return NETWORK_CODES.find(([pattern]) => pattern.test(code))?.[1] ?? 'connection_failed';
}

const BEFORE_SENDING = /^(ERR_INVALID_CHAR|EPROXY|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS_CERT)/;

/** System calls before the first byte; `handshake` is the name `platform/http.ts` gives to the TLS handshake. */
const BEFORE_SENDING_STEPS: ReadonlySet<string | null> = new Set(['connect', 'getaddrinfo', 'handshake']);

/** Whether the request cannot have reached the server. The system call decides: a timeout may come after sending. */
export function failedBeforeSending({ code, syscall }: NetworkFault): boolean {
  return BEFORE_SENDING_STEPS.has(syscall) || BEFORE_SENDING.test(code);
}
