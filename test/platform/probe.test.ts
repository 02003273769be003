import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openTls, resolveName } from '../../src/platform/probe.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';

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

it('survives an error that arrives with the end of the handshake', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'); // the certificate of the test is self-signed
  onTestFinished(() => void vi.unstubAllEnvs());
  const tls = createTlsServer(SELF_SIGNED).listen(0, '127.0.0.1');
  tls.on('tlsClientError', () => {});
  const front = createServer((socket) => {
    const behind = connect((tls.address() as AddressInfo).port, '127.0.0.1');
    behind.once('data', (hello) => socket.end(Buffer.concat([hello, Buffer.from('no record of TLS')])));
    for (const side of [socket.pipe(behind), socket]) side.on('error', () => {});
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void [tls, front].map((server) => server.close()));
  await Promise.all([tls, front].map((server) => once(server, 'listening')));
  const { port } = front.address() as AddressInfo;
  expect(await openTls({ host: 'localhost', port, timeoutMs: 5_000 })).toMatchObject({ protocol: 'TLSv1.3' });
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
