import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { isPrivateAddress, publicLookup } from '../../src/platform/public-address.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

describe('isPrivateAddress', () => {
  it.each([
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '[::1]',
    '[::]',
    '[::ffff:7f00:1]',
    '::ffff:10.0.0.1',
    '[fd00::1]',
    'fe80::1%eth0',
    '64:ff9b::7f00:1',
    '::ffff:0:7f00:1',
    '2001:0:7f00:1::',
    'localhost',
    'LOCALHOST.',
    'files.localhost',
  ])('is true of %s', (host) => expect(isPrivateAddress(host)).toBe(true));

  it.each([
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '[2606:4700::1]',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    'localhost.example',
    'cdn.example',
  ])('is false of %s', (host) => expect(isPrivateAddress(host)).toBe(false));
});

/** The addresses of a name that pass the lookup. */
function found(addresses: readonly string[]): Promise<unknown> {
  const all: LookupAddress[] = addresses.map((address) => ({ address, family: 4 }));
  const lookup = publicLookup((_, __, callback) => callback(null, all));
  return new Promise((resolve, reject) => {
    lookup('cdn.example', { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}

describe('a lookup of public addresses', () => {
  it('omits private ones, so that they are never connected to', async () => {
    expect(await found(['10.0.0.1', '8.8.8.8'])).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });

  it('fails when the name has only private ones', async () => {
    await expect(found(['10.0.0.1', '127.0.0.1'])).rejects.toMatchObject({
      code: 'EPRIVATE',
      message: 'cdn.example (10.0.0.1, 127.0.0.1) is a private or loopback address',
    });
  });
});

it.each(['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])(
  'a call to public addresses does not reach %s',
  async (host) => {
    const server = await startScriptedServer(['hang']);
    const url = server.origin.replace('127.0.0.1', host);
    await expect(nodeHttp({ method: 'GET', url, headers: {}, publicOnly: true })).rejects.toMatchObject({
      code: 'EPRIVATE',
    });
    expect(server.requests).toEqual([]);
  },
);
