import { describe, expect, it } from 'vitest';
import { redact, redactUrl, Secrets, secretsOfUrl, secretsWithin } from '../../src/domain/redact.ts';

describe('redact', () => {
  it.each([
    ['an OpenAI key', 'key sk-proj-abc_DEF-0123456789 rejected', 'key [redacted] rejected'],
    ['a key of other characters, to its end', 'key <sk-abc_DEF-01+/=%2B23> rejected.', 'key <[redacted]> rejected.'],
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

  it('hides known secrets anywhere', () => {
    expect(redact('x-key: hunter22, again hunter22', ['hunter22'])).toBe('x-key: [redacted], again [redacted]');
  });

  it('hides a secret that is too long for a regular expression', () => {
    const secret = '+/aB3'.repeat(20_000);
    expect(new Secrets([secret]).redact(`<${secret}> <${encodeURIComponent(secret)}>`)).not.toMatch(/aB3/);
    const odd = `${'a1'.repeat(500)}xyz`; // its last piece is not too short to be hidden
    expect(new Secrets([odd]).redact(`<${odd}>`)).toBe('<[redacted][redacted]>');
  });

  it('hides a secret in JSON and URLs', () => {
    const secret = 'a"b\\c d/e+f';
    const text = `${JSON.stringify({ secret })} /v1/videos?${new URLSearchParams({ secret })}`;
    expect(redact(text, [secret])).toBe('{"secret":"[redacted]"} /v1/videos?secret=[redacted]');
  });

  const KEY = 'paidkey+0123456789/abc?def~"x';

  it.each<[string, (secret: string) => string]>([
    ['as it is', (secret) => secret],
    ['in capitals', (secret) => secret.toUpperCase()],
    ['percent-encoded', encodeURIComponent],
    ['percent-encoded twice', (secret) => encodeURIComponent(encodeURIComponent(secret))],
    ['percent-encoded to the last letter', (secret) => Buffer.from(secret).toString('hex').replace(/../g, '%$&')],
    ['JSON', JSON.stringify],
    ['JSON in JSON', (secret) => JSON.stringify(JSON.stringify(secret))],
    ['JSON with escapes', (secret) => secret.replace(/\W/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
    ['as a program escapes it', (secret) => secret.replace(/\W/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)],
    ['in UTF-16', (secret) => secret.replace(/./g, '$&\0')],
    ['in UTF-16 in JSON', (secret) => JSON.stringify(secret.replace(/./g, '$&\0'))],
    ['in UTF-16 in JSON in JSON', (secret) => JSON.stringify(JSON.stringify(secret.replace(/./g, '$&\0')))],
    ['with an invisible character', (secret) => `${secret.slice(0, 5)}\u200b${secret.slice(5)}`],
    ['with a tag', (secret) => `${secret.slice(0, 5)}\u{e0041}${secret.slice(5)}`],
    ['with colours', (secret) => `${secret.slice(0, 5)}\u001b[1;31m${secret.slice(5)}\u001b[m`],
    ['with both in JSON', (secret) => JSON.stringify(`${secret.slice(0, 5)}\u001b[31m\0${secret.slice(5)}`)],
    ['with an escaped mark', (secret) => `${secret.slice(0, 5)}\\u200b\\udb40\\udc41${secret.slice(5)}`],
    ['base64', (secret) => Buffer.from(secret).toString('base64')],
    ['base64 of a longer text', (secret) => Buffer.from(`Bearer ${secret}!`).toString('base64')],
    ['base64, one byte on', (secret) => Buffer.from(`user12:${secret}:x`).toString('base64')],
    ['base64, two bytes on', (secret) => Buffer.from(`us:er123${secret}`).toString('base64')],
    ['base64 for addresses', (secret) => Buffer.from(`?>~${secret}`).toString('base64url')],
    ['base64, percent-encoded', (secret) => encodeURIComponent(Buffer.from(`a${secret}`).toString('base64'))],
    ['HTML', (secret) => secret.replaceAll('&', '&amp;').replaceAll('"', '&quot;')],
    ['HTML with numbers', (secret) => secret.replace(/\W/g, (c) => `&#${c.charCodeAt(0)};`)],
    ['HTML to the last letter', (secret) => secret.replace(/./g, (c) => `&#x${c.charCodeAt(0).toString(16)};`)],
    ['hex', (secret) => Buffer.from(secret).toString('hex')],
  ])('hides a secret encoded %s', (_, spell) => {
    for (const secret of [KEY, 'sk-LEAK+me/pls=="x\\y~42', 'plain0123456789', 'é ü 0123']) {
      const shown = redact(`key ${spell(secret)} end`, [secret]);
      expect(shown).toMatch(/^key .{0,16}\[redacted\].{0,8} end$/);
      expect(longestCommonPart(shown, spell(secret))).toBeLessThan(13);
    }
  });

  it('finds the secrets within a header', () => {
    expect(secretsWithin('token-0123')).toEqual(['token-0123']);
    expect(secretsWithin('Bearer token-0123')).toEqual(['Bearer token-0123', 'token-0123']);
    const basic = `Basic ${Buffer.from('me:password1').toString('base64')}`;
    expect(secretsWithin(basic)).toEqual([basic, basic.slice(6), 'me:password1', 'password1']);
    expect(secretsOfUrl('http://me:pass%20word1@proxy:3128')).toEqual(['me', 'pass word1']);
    expect(secretsOfUrl('proxy')).toEqual([]);
  });

  it('keeps JSON valid when it redacts a quoted URL', () => {
    const message = 'see "https://cdn.example/?sig=s3cret"';
    expect(JSON.parse(redact(JSON.stringify({ message })))).toEqual({
      message: 'see "https://cdn.example/?sig=redacted"',
    });
  });

  it('leaves other text unchanged, and ignores secrets that are too short', () => {
    const text = 'GET https://api.example/v1/videos?limit=20&after=video_1 of a task-oriented risk';
    expect(redact(text, ['', 'a', 'task', '20'])).toBe(text);
  });

  it('hides a short secret as a separate word, unless it is a plain word or number', () => {
    expect(redact('key pa55wrd, not pa55wrds', ['pa55wrd'])).toBe('key [redacted], not pa55wrds');
    expect(redact('wrong key t0p! and EMPTY', ['t0p!', 'EMPTY'])).toBe('wrong key [redacted] and EMPTY');
  });
});

describe('redactUrl', () => {
  it('hides repeated values', () => {
    expect(redactUrl('https://cdn.example/?token=a&token=b')).toBe('https://cdn.example/?token=redacted');
  });

  it('leaves text that is not an address unchanged', () => {
    expect(redactUrl('not an address')).toBe('not an address');
  });
});

/** The length of the longest common substring. */
function longestCommonPart(text: string, other: string): number {
  let longest = 0;
  for (let at = 0; at < other.length; at++) {
    while (text.includes(other.slice(at, at + longest + 1)) && at + longest < other.length) longest++;
  }
  return longest;
}
