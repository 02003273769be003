import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { openTls, resolveName } from '../../src/platform/probe.ts';

it('gives up on a silent port after the timeout', async () => {
  const server = createServer((socket) => onTestFinished(() => void socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
  await expect(openTls({ host: 'localhost', port, timeoutMs: 30 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: 'no answer for 0.03 s',
  });
});

it('resolves an address to itself', async () => {
  expect(await resolveName({ host: '::1', timeoutMs: 1_000 })).toBe('::1');
});

it('reports an unresponsive name service without a long wait', async () => {
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const question = { host: 'videos.invalid', timeoutMs: 600, nameServers: [`127.0.0.1:${silent.address().port}`] };
  await expect(resolveName(question)).rejects.toMatchObject({
    code: 'EAI_AGAIN',
    message: expect.stringContaining('does not respond'),
  });
});
