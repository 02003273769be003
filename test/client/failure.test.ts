import { describe, expect, it } from 'vitest';
import { failureFromReply, failureFromThrown, retryAfterOf, sentNothing } from '../../src/client/failure.ts';
import { SoraError } from '../../src/domain/errors.ts';

const CONTEXT = { baseUrl: 'https://videos.example/v1', hasKey: true, atMs: Date.UTC(2026, 10, 23) };

function systemError(code: string, syscall: string, message = `${syscall} ${code}`): Error {
  return Object.assign(new Error(message), { code, syscall });
}

const refused = systemError('ECONNREFUSED', 'connect');
/** What Node throws when a name has several addresses and none of them answers. */
const refusedTwice = Object.assign(new AggregateError([refused, systemError('ENETUNREACH', 'connect')], ''), {
  code: 'ECONNREFUSED',
});

describe('failureFromThrown', () => {
  it.each<[string, unknown, string, string, boolean]>([
    ['a refused connection', refused, 'connection_failed', 'connect ECONNREFUSED', true],
    ['a refused connection, at every address', refusedTwice, 'connection_failed', 'connect ECONNREFUSED', true],
    ['a nested cause', new TypeError('fetch failed', { cause: refused }), 'connection_failed', refused.message, true],
    ['an unknown name', systemError('ENOTFOUND', 'getaddrinfo'), 'dns_failure', 'getaddrinfo ENOTFOUND', true],
    ['a read timeout', systemError('ETIMEDOUT', 'read'), 'request_timeout', 'read ETIMEDOUT', false],
    ['a host that went away', systemError('EHOSTUNREACH', 'read'), 'connection_failed', 'read EHOSTUNREACH', false],
    ['an error without a message', systemError('ECONNRESET', 'read', ''), 'connection_failed', 'ECONNRESET', false],
    [
      'a port that speaks no TLS',
      systemError(
        'EPROTO',
        'write',
        '80DC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl.c:350:\n',
      ),
      'tls_failure',
      'wrong version number',
      false,
    ],
    ['an error without a code', new Error('odd'), 'connection_failed', 'odd', false],
    ['a thrown string', 'odd', 'connection_failed', 'odd', false],
  ])('classifies %s', (_, thrown, code, causedBy, nothingLeft) => {
    expect(failureFromThrown(thrown, CONTEXT)).toMatchObject({ code, causedBy, status: null, cause: thrown });
    expect(sentNothing(thrown)).toBe(nothingLeft);
  });

  it('returns a SoraError unchanged', () => {
    const error = new SoraError('download_corrupt');
    expect(failureFromThrown(error, CONTEXT)).toBe(error);
  });
});

describe('failureFromReply', () => {
  it.each([
    ['sora2', { profile: 'lab' }, '`sora2`; did you mean `sora-2`?', '--profile lab'],
    ['wan2.2', { profile: 'custom' }, '`wan2.2`', '--base-url https://videos.example/v1'],
  ])('suggests models for the unknown model %s', (model, facts, name, target) => {
    const reply = { status: 404, headers: {}, body: '{"error":{"code":"model_not_found"}}' };
    expect(failureFromReply(reply, { ...CONTEXT, facts: { model, ...facts } }).hints.slice(0, 2)).toEqual([
      `check the model name: ${name}`,
      `run \`sora models ${target}\` to list what the server offers`,
    ]);
  });

  const reply = { status: 404, headers: {}, body: '{"detail":"Not Found"}' };

  it('fills in hints from the reply', () => {
    const [hint] = failureFromReply(reply, CONTEXT).hints;
    expect(hint).toContain('https://videos.example/v1');
  });

  it.each([
    ['0', 'a minute'],
    ['90', '90 s'],
    ['315360000', 'at least a day'],
  ])('suggests a wait after Retry-After: %s', (seconds, wait) => {
    const busy = { status: 429, headers: { 'retry-after': seconds }, body: '' };
    expect(failureFromReply(busy, CONTEXT).hints).toEqual([`wait ${wait}, then run the command again`]);
  });

  it.each(['x-request-id', 'request-id', 'apim-request-id'])('finds the request ID in %s', (name) => {
    expect(failureFromReply({ ...reply, headers: { [name]: 'req_1' } }, CONTEXT).requestId).toBe('req_1');
  });

  it('recognises OpenAI by its address', () => {
    const openAi = { ...CONTEXT, baseUrl: 'https://api.openai.com/v1' };
    expect(failureFromReply(reply, openAi).code).toBe('service_retired');
    expect(failureFromReply(reply, CONTEXT).code).toBe('endpoint_not_found');
  });
});

it.each<[Record<string, string>, number | null]>([
  [{ 'retry-after': '7' }, 7_000],
  [{ 'retry-after': ' 0.5 ' }, 500],
  [{ 'retry-after': 'Mon, 23 Nov 2026 00:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Sun, 22 Nov 2026 00:00:00 GMT' }, null],
  [{ 'retry-after': 'soon' }, null],
  [{ 'retry-after': '9999999' }, 86_400_000],
  [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
  [{}, null],
])('retryAfterOf reads %j', (headers, waitMs) => {
  expect(retryAfterOf(headers, CONTEXT.atMs)).toBe(waitMs);
});
