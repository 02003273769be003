import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/domain/catalogue.ts';
import { exitCodeFor, SoraError } from '../../src/domain/errors.ts';

describe('exitCodeFor', () => {
  it('is 2 for a request refused locally, and 1 when the server refused it', () => {
    expect(exitCodeFor(new SoraError('invalid_request'))).toBe(2);
    expect(exitCodeFor(new SoraError('invalid_request', { status: 400 }))).toBe(1);
    expect(exitCodeFor(new SoraError('reference_size_mismatch', { status: 400 }))).toBe(1);
  });

  it.each(ERROR_CODES)('is never 2 for %s once something was sent', (code) => {
    expect(exitCodeFor(new SoraError(code, { status: 400 }))).not.toBe(2);
  });

  it('keeps the other codes with or without a reply', () => {
    expect(exitCodeFor(new SoraError('invalid_api_key', { status: 401 }))).toBe(4);
    expect(exitCodeFor(new SoraError('no_api_key'))).toBe(4);
  });
});

describe('SoraError', () => {
  it('takes its words from the catalogue and fills in the facts', () => {
    const error = new SoraError('dns_failure', { facts: { host: 'videos.example' } });
    expect(error).toMatchObject({
      message: 'could not resolve the server’s host name',
      hints: ['check the spelling of `videos.example`, and your network'],
      retryable: true,
      status: null,
      requestId: null,
    });
  });

  it('redacts signatures in URLs that a server quotes', () => {
    const { causedBy } = new SoraError('server_error', { causedBy: 'HTTP 500: see https://cdn.example/v?sig=s3cret' });
    expect(causedBy).toBe('HTTP 500: see https://cdn.example/v?sig=redacted');
  });

  it('accepts more details without losing any', () => {
    const cause = new Error('below');
    const error = new SoraError('server_error', {
      title: 'the server is on fire',
      violations: ['v'],
      causedBy: 'HTTP 500: smoke',
      hints: ['run away'],
      status: 500,
      requestId: 'req_1',
      retryAfterMs: 5,
      retryable: false,
      cause,
    });
    const extended = error.with({ jobId: 'video_1' });
    expect({ ...extended, message: extended.message, cause: extended.cause }).toEqual({
      ...error,
      message: error.message,
      cause,
      jobId: 'video_1',
    });
  });
});
