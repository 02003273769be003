import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import { diagnose, diagnoseNetwork, failedBeforeSending, type Refusal } from '../../src/domain/diagnosis.ts';

const BEFORE_THE_END = Date.UTC(2026, 8, 23, 23, 59, 59);
const AFTER_THE_END = Date.UTC(2026, 8, 24);

function refusal(fields: Partial<Refusal>): Refusal {
  return {
    status: 400,
    code: null,
    type: null,
    message: '',
    isOpenAi: true,
    atMs: BEFORE_THE_END,
    hasKey: true,
    isAboutVideo: true,
    ...fields,
  };
}

const VERIFY =
  'Your organization must be verified to use the model `sora-2`. Please go to: https://platform.openai.com';

describe('diagnose', () => {
  it.each<[ErrorCode, string, Partial<Refusal>]>([
    [
      'invalid_request',
      'a length',
      {
        code: 'invalid_value',
        message: "Invalid value: '10'. Supported values are: '4', '8', and '12'.",
      },
    ],
    [
      'reference_size_mismatch',
      'the pixels of the image',
      { message: 'Inpaint image must match the requested width and height' },
    ],
    ['invalid_request', 'a field', { message: "Unknown parameter: 'width'" }],
    [
      'moderation_blocked',
      'moderation of the input',
      {
        message:
          'Your request was blocked by our moderation system when checking inputs. Possible reasons: people-in-user-uploads.',
      },
    ],
    ['billing_hard_limit_reached', 'the spending limit', { code: 'billing_hard_limit_reached' }],
    ['billing_hard_limit_reached', 'the spending limit by its type', { type: 'billing_limit_user_error' }],
    ['invalid_api_key', 'a key', { status: 401, code: 'invalid_api_key' }],
    ['invalid_api_key', 'a key without a message', { status: 401 }],
    ['no_api_key', 'a missing key', { status: 401, hasKey: false }],
    ['organization_not_verified', 'the organisation', { status: 403, message: VERIFY }],
    ['model_not_found', 'the model by code', { status: 404, code: 'model_not_found' }],
    [
      'model_not_found',
      'the model by text',
      { status: 403, message: "The model 'sora-2' does not exist or you do not have access to it." },
    ],
    [
      'model_not_found',
      'a retired model',
      { status: 404, message: 'The model `sora-2` has been deprecated, learn more here: https://…' },
    ],
    [
      'model_not_found',
      'a deployment',
      { status: 404, code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' },
    ],
    ['tls_failure', 'a port that requires TLS', { message: 'Client sent an HTTP request to an HTTPS server.' }],
    ['endpoint_not_found', 'the path', { status: 404, message: 'Invalid URL (POST /v1/video/generations)' }],
    ['endpoint_not_found', 'an unknown path', { status: 404, message: 'Not Found' }],
    ['endpoint_not_found', 'a redirect of a create', { status: 308, message: '' }],
    ['rate_limit_exceeded', 'the rate', { status: 429, code: 'rate_limit_exceeded' }],
    ['rate_limit_exceeded', 'the rate without a message', { status: 429 }],
    ['insufficient_quota', 'the quota', { status: 429, code: 'insufficient_quota' }],
    ['insufficient_quota', 'the quota by type', { status: 429, type: 'insufficient_quota' }],
    ['insufficient_quota', 'the quota by text', { status: 429, message: 'You exceeded your current quota, please …' }],
    ['insufficient_quota', 'a demand for payment', { status: 402 }],
    ['moderation_blocked', 'a failed job by code', { status: 0, code: 'moderation_blocked' }],
    [
      'moderation_blocked',
      'a failed job by text',
      { status: 0, message: 'Your request was blocked by our moderation system.' },
    ],
    ['video_not_found', 'an id', { status: 404, message: "Video with id 'video_1' not found" }],
    ['video_not_found', 'an id, in other words', { status: 404, message: 'no such video' }],
    ['video_not_found', 'an id, with 400', { status: 400, message: 'Video with id video_1 not found' }],
    ['video_not_found', 'an id, as New API words it', { code: 'task_not_exist', message: 'task_not_exist' }],
    ['permission_denied', 'the right', { status: 403, message: 'Missing scopes: api.videos.write' }],
    ['not_supported', 'a method', { status: 405 }],
    ['not_supported', 'a function', { status: 501 }],
    ['proxy_failure', 'a proxy’s login', { status: 407 }],
    ['request_timeout', 'a timeout', { status: 408 }],
    ['duplicate_request', 'an idempotency key', { status: 409, message: 'Idempotency-Key is already in use' }],
    ['invalid_request', 'a conflict', { status: 409 }],
    ['content_expired', 'a 410', { status: 410 }],
    ['endpoint_not_found', 'a 410 for an API', { status: 410, isAboutVideo: false }],
    [
      'model_not_found',
      'a deployment by its message alone',
      { status: 404, message: 'The API deployment for this resource does not exist.' },
    ],
    ['model_not_found', 'a model id of OpenRouter', { status: 400, message: 'foo/bar is not a valid model ID' }],
    ['model_not_found', 'a model in a field', { status: 422, message: 'body.model: unknown model' }],
    ['model_not_found', 'a model of another team', { status: 401, type: 'team_model_access_denied' }],
    ['model_not_found', 'a model without a channel, with a 503', { status: 503, code: 'model_not_found' }],
    [
      'model_not_found',
      'an alias that LiteLLM does not know',
      { message: '/videos: Invalid model name passed in model=x' },
    ],
    ['insufficient_quota', 'the quota of a user', { status: 403, code: 'insufficient_user_quota' }],
    ['insufficient_quota', 'a budget', { message: 'Budget has been exceeded! Current cost: 2, Max budget: 1' }],
    ['invalid_api_key', 'a key that LiteLLM would look up in its database', { message: 'No connected db.' }],
    ['invalid_request', 'a body', { status: 422 }],
    ['invalid_request', 'an unknown 4xx', { status: 418 }],
    ['server_error', 'an internal error', { status: 500 }],
    ['server_error', 'too much load', { status: 503 }],
    ['server_error', 'an unknown 5xx', { status: 599 }],
  ])('returns %s for %s', (code, _, fields) => {
    expect(diagnose(refusal(fields))).toBe(code);
  });

  it.each([
    ['404 model_not_found', { status: 404, code: 'model_not_found' }],
    ['404 Invalid URL', { status: 404, message: 'Invalid URL (POST /v1/videos)' }],
    ['403', { status: 403 }],
    ['410', { status: 410 }],
  ])('takes a %s from OpenAI as the end of the service, once that has passed', (_, fields) => {
    expect(diagnose(refusal({ ...fields, atMs: AFTER_THE_END }))).toBe('service_retired');
    expect(diagnose(refusal(fields))).not.toBe('service_retired');
    expect(diagnose(refusal({ ...fields, atMs: AFTER_THE_END, isOpenAi: false }))).not.toBe('service_retired');
  });

  it.each<[ErrorCode, Partial<Refusal>]>([
    ['organization_not_verified', { status: 403, message: VERIFY }],
    ['invalid_api_key', { status: 401 }],
    ['rate_limit_exceeded', { status: 429 }],
  ])('still returns %s at OpenAI after the end', (code, fields) => {
    expect(diagnose(refusal({ ...fields, atMs: AFTER_THE_END }))).toBe(code);
  });
});

describe('diagnoseNetwork', () => {
  it.each<[string, ErrorCode]>([
    ['ENOTFOUND', 'dns_failure'],
    ['EAI_AGAIN', 'dns_failure'],
    ['ECONNREFUSED', 'connection_failed'],
    ['ECONNRESET', 'connection_failed'],
    ['EHOSTUNREACH', 'connection_failed'],
    ['ESOMETHING', 'connection_failed'],
    ['ETIMEDOUT', 'request_timeout'],
    ['CERT_HAS_EXPIRED', 'tls_failure'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_failure'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls_failure'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_failure'],
    ['EPROTO', 'tls_failure'],
    ['EPROXY', 'proxy_failure'],
    ['ERR_INVALID_CHAR', 'invalid_config'],
    ['HPE_INVALID_CONSTANT', 'unreadable_response'],
  ])('returns the cause of %s', (code, cause) => {
    expect(diagnoseNetwork(code)).toBe(cause);
  });
});

describe('failedBeforeSending', () => {
  it.each([
    ['ECONNREFUSED', 'connect', true],
    ['ETIMEDOUT', 'connect', true],
    ['ENOTFOUND', 'getaddrinfo', true],
    ['EPROTO', 'handshake', true],
    ['ECONNRESET', 'handshake', true],
    ['CERT_HAS_EXPIRED', null, true],
    ['EPROXY', null, true],
    ['ERR_INVALID_CHAR', null, true],
    ['ECONNRESET', 'read', false],
    ['ECONNRESET', null, false],
    ['EHOSTUNREACH', 'read', false],
    ['ETIMEDOUT', null, false],
    ['EPIPE', 'write', false],
    ['EPROTO', 'write', false],
  ])('is decided by the code %s in %s: %s', (code, syscall, expected) => {
    expect(failedBeforeSending({ code, syscall })).toBe(expected);
  });
});
