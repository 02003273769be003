import { describe, expect, it } from 'vitest';
import { redact, redactUrl } from '../../src/domain/redact.ts';

describe('redact', () => {
  it.each([
    ['an OpenAI key', 'key sk-proj-abc_DEF-0123456789 rejected', 'key [redacted] rejected'],
    ['a bearer token', 'Authorization: Bearer abc.DEF/123+4==', 'Authorization: Bearer [redacted]'],
    ['basic credentials', 'basic dXNlcjpwYXNz', 'basic [redacted]'],
    [
      'a signed address',
      'redirected to https://cdn.example/v.mp4?sig=s3cret&variant=video now',
      'redirected to https://cdn.example/v.mp4?sig=redacted&variant=video now',
    ],
    [
      'a signed address in a command, which stays whole',
      'run `sora list --base-url HTTPS://cdn.example/v1?sig=s3cret`, or wait',
      'run `sora list --base-url https://cdn.example/v1?sig=redacted`, or wait',
    ],
    [
      'the signature of an address without its origin',
      'expired: /v.mp4?variant=video&X-Amz-Signature=s3cret&sig=again, access_token=third',
      'expired: /v.mp4?variant=video&X-Amz-Signature=[redacted]&sig=[redacted], access_token=third',
    ],
    ['credentials in an address', 'via "http://user:pass@proxy.example:3128/"', 'via "http://proxy.example:3128/"'],
    [
      'embedded data',
      '{"image_url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="}',
      '{"image_url":"data:[redacted]"}',
    ],
  ])('hides %s', (_, text, shown) => {
    expect(redact(text)).toBe(shown);
  });

  it('hides the secrets it is told of, wherever they stand', () => {
    expect(redact('x-key: hunter22, again hunter22', ['hunter22'])).toBe('x-key: [redacted], again [redacted]');
  });

  it('hides a secret as JSON and addresses spell it', () => {
    const secret = 'a"b\\c d/e+f';
    const text = `${JSON.stringify({ secret })} /v1/videos?${new URLSearchParams({ secret })}`;
    expect(redact(text, [secret])).toBe('{"secret":"[redacted]"} /v1/videos?secret=[redacted]');
  });

  it('leaves JSON whole that quotes an address', () => {
    const message = 'see "https://cdn.example/?sig=s3cret"';
    expect(JSON.parse(redact(JSON.stringify({ message })))).toEqual({
      message: 'see "https://cdn.example/?sig=redacted"',
    });
  });

  it('leaves text without secrets as it is, also where a secret is too short to be one', () => {
    const text = 'GET https://api.example/v1/videos?limit=20&after=video_1 of a task-oriented risk';
    expect(redact(text, ['', 'a'])).toBe(text);
  });
});

describe('redactUrl', () => {
  it('hides every repeated value', () => {
    expect(redactUrl('https://cdn.example/?token=a&token=b')).toBe('https://cdn.example/?token=redacted');
  });

  it('passes on what is no address', () => {
    expect(redactUrl('not an address')).toBe('not an address');
  });
});
