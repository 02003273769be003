/** Refusals as servers word them, for every command that may get one. */

/** Name, status, body → the exit code of a repeatable call, and words from the server. */
export const ODD_BODIES: readonly (readonly [
  name: string,
  status: number,
  body: string,
  code: number,
  words: RegExp,
])[] = [
  ['an envelope', 401, '{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}', 4, /Incorrect API key/],
  ['a string as error', 401, '{"error":"who are you"}', 4, /who are you/],
  ['a detail', 403, '{"detail":"not for you"}', 4, /not for you/],
  ['a list of details', 503, '{"detail":[{"loc":["worker"],"msg":"none is up"}]}', 1, /worker: none is up/],
  ['a message', 500, '{"message":"out of memory"}', 1, /out of memory/],
  ['a code beside a message', 429, '{"code":"insufficient_quota","message":"no more","data":null}', 7, /no more/],
  [
    'a problem document',
    503,
    '{"type":"about:blank","title":"Unavailable","status":503,"detail":"Down for repair"}',
    1,
    /Down for repair/,
  ],
  ['a status word', 500, '{"status":"failure","message":"broken"}', 1, /broken/],
  ['an HTML page', 502, '<html><title>Bad Gateway</title></html>', 1, /Bad Gateway/],
  ['nothing', 500, '', 1, /HTTP 500/],
];

const VERIFY = 'Your organization must be verified to use the model `sora-2`.';
/** Status, envelope → the exit code, the cause, and a hint. */
export const REFUSALS: readonly (readonly [
  status: number,
  error: object,
  code: number,
  cause: string,
  remedy: RegExp,
])[] = [
  [
    400,
    {
      code: 'invalid_value',
      param: 'seconds',
      message: "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
    },
    1,
    'invalid request',
    /sora create --help/,
  ],
  [
    400,
    { message: 'Inpaint image must match the requested width and height' },
    1,
    'the reference image has the wrong size',
    /resize/,
  ],
  [400, { message: "Unknown parameter: 'width'" }, 1, 'invalid request', /--dry-run/],
  [
    400,
    {
      message:
        'Your request was blocked by our moderation system when checking inputs. Possible reasons: people-in-user-uploads.',
    },
    1,
    'blocked by moderation',
    /change the prompt/,
  ],
  [
    400,
    { code: 'billing_hard_limit_reached', type: 'billing_limit_user_error', message: 'Billing hard limit' },
    7,
    'billing limit reached',
    /platform\.openai\.com\/usage/,
  ],
  [
    401,
    { code: 'invalid_api_key', message: 'Incorrect API key provided' },
    4,
    'the API key was rejected',
    /key from SORA_API_KEY/,
  ],
  [403, { code: null, message: VERIFY }, 4, 'the organisation is not verified', /settings\/organization\/general/],
  [
    403,
    { code: 'model_not_found', message: "The model 'sora-2' does not exist or you do not have access" },
    4,
    'the model does not exist, or the key has no access to it',
    /openai\.com\/waitlist\/sora/,
  ],
  [
    404,
    { code: 'model_not_found', message: "The model 'sora-2' has been deprecated" },
    4,
    'the model does not exist, or the key',
    /--simulate/,
  ],
  [404, { message: 'Invalid URL (POST /v1/videos)' }, 1, 'the server has no such endpoint', /base URL/],
  [429, { code: 'rate_limit_exceeded', message: 'Rate limit reached' }, 1, 'rate limit exceeded', /wait/],
  [429, { code: 'insufficient_quota', message: 'You exceeded your current quota' }, 7, 'out of quota', /add credit/],
];
