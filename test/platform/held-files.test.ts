import { describe, expect, it } from 'vitest';
import { whileHeld, whileHeldSync } from '../../src/platform/held-files.ts';

const CODES = ['EPERM', 'EBUSY', 'EACCES'];
const held = (code: string): Error => Object.assign(new Error(code), { code });

/** Fails twice, like a file that a virus scanner has open for a moment. */
function heldTwice(code: string): () => string {
  let calls = 0;
  return () => {
    if (calls++ < 2) throw held(code);
    return 'renamed';
  };
}

describe('whileHeld', () => {
  it.each(CODES)('waits on Windows until another program releases the file: %s', async (code) => {
    const work = heldTwice(code);
    expect(await whileHeld(async () => work(), 1_000, 'win32')).toBe('renamed');
  });

  it('gives up after a time limit, and at once on any other error or platform', async () => {
    const fail = (code: string) => () => Promise.reject(held(code));
    await expect(whileHeld(fail('EBUSY'), 20, 'win32')).rejects.toThrow('EBUSY');
    await expect(whileHeld(fail('ENOENT'), 1_000, 'win32')).rejects.toThrow('ENOENT');
    const work = heldTwice('EACCES');
    await expect(whileHeld(async () => work(), 1_000, 'linux')).rejects.toThrow('EACCES');
  });
});

describe('whileHeldSync', () => {
  const fail = (code: string) => () => {
    throw held(code);
  };

  it.each(CODES)('waits on Windows until another program releases the file: %s', (code) => {
    expect(whileHeldSync(heldTwice(code), 1_000, 'win32')).toBe('renamed');
  });

  it('gives up after a time limit, and at once on any other error or platform', () => {
    expect(() => whileHeldSync(fail('EBUSY'), 20, 'win32')).toThrow('EBUSY');
    expect(() => whileHeldSync(fail('ENOENT'), 1_000, 'win32')).toThrow('ENOENT');
    expect(() => whileHeldSync(heldTwice('EACCES'), 1_000, 'linux')).toThrow('EACCES');
  });
});
