import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isExposed, keyDoubt, keyFault, maskKey, readKeys, writeKey } from '../../src/store/keys.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const isPosix = process.platform !== 'win32';

describe('keyFault', () => {
  it.each([
    ['', /empty/],
    ['"sk-0123456789abcdef"', /in quotes/],
    ['“sk-0123456789abcdef”', /in quotes/],
    ['Bearer sk-0123456789abcdef', /begins with `Bearer `/],
    ['sk-0123 456', /contains spaces/],
  ])('refuses %j', (key, fault) => {
    expect(keyFault(key)).toMatch(fault);
  });

  it('accepts any other word', () => {
    expect(keyFault('EMPTY')).toBeNull();
  });
});

describe('keyDoubt', () => {
  it.each([
    ['$OPENAI_API_KEY', false, /variable/],
    ['your-api-key', false, /placeholder/],
    ['<key>', false, /placeholder/],
    ['sk-...', true, /placeholder/],
    ['key:0123456789', false, /more than the key/],
    ['sk-short', true, /begin with `sk-`/],
    ['0123456789abcdef0123456789abcdef', true, /begin with `sk-`/],
  ])('warns about %s', (key, isOpenAi, doubt) => {
    expect(keyDoubt(key, isOpenAi)).toMatch(doubt);
  });

  it.each([
    ['EMPTY', false],
    ['sk-proj-0123456789abcdef', true],
    ['0123456789abcdef0123456789abcdef', false],
  ])('accepts %s', (key, isOpenAi) => {
    expect(keyDoubt(key, isOpenAi)).toBeNull();
  });
});

describe('stored keys', () => {
  it('are added and removed one by one, in a file private to its owner', async () => {
    const path = join(createTemporaryFolder(), 'new', 'keys.json');
    await writeKey(path, 'openai', 'one');
    await writeKey(path, 'lab', 'two');
    await writeKey(path, 'openai', undefined);
    expect(readKeys(path)).toEqual({ lab: 'two' });
    if (isPosix) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.skipIf(!isPosix)('make a file private that others could read', async () => {
    const path = join(createTemporaryFolder(), 'keys.json');
    writeFileSync(path, '{}');
    chmodSync(path, 0o644);
    expect(isExposed(path, 'linux')).toBe(true);
    await writeKey(path, 'lab', 'two');
    expect(isExposed(path, 'linux')).toBe(false);
    expect(isExposed(`${path}.missing`, 'linux')).toBe(false);
  });

  it('are never written over an unreadable file', async () => {
    const path = join(createTemporaryFolder(), 'keys.json');
    writeFileSync(path, 'no JSON');
    await expect(writeKey(path, 'lab', 'two')).rejects.toMatchObject({ code: 'invalid_config' });
    expect(readFileSync(path, 'utf8')).toBe('no JSON');
  });

  it('are not quoted in the error about an unreadable file', () => {
    const path = join(createTemporaryFolder(), 'keys.json');
    writeFileSync(path, '{\n  "lab": a-secret-of-the-lab\n}\n');
    expect(() => readKeys(path)).toThrow(
      expect.objectContaining({ violations: [expect.not.stringContaining('secret')] }),
    );
  });
});

it.each([
  ['sk-0123456789abcdef', null],
  ['', 'the key is empty'],
  ['two words', 'the key contains spaces or characters not allowed in a header'],
  ['bell\x07', 'the key contains spaces or characters not allowed in a header'],
])('keyFault checks %j', (key, fault) => {
  expect(keyFault(key)).toBe(fault);
});

it.each([
  ['sk-0123456789abcdef', 'sk-…cdef'],
  ['short', '…'],
  ['fifteen-letters', '…'],
])('maskKey shows %s as %s', (key, shown) => {
  expect(maskKey(key)).toBe(shown);
});
