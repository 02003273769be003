import { get } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type ListeningServer, listen } from '../../src/simulator/server.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

async function serve(simulator: Simulator): Promise<ListeningServer> {
  const server = await listen(simulator, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return server;
}

const createRequest = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ prompt: 'a kite', seconds: '8' }),
};

describe('listen', () => {
  it('answers over HTTP as the handler does', async () => {
    const { url } = await serve(createSimulatedApi().simulator);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
    const reply = await nodeHttp({ ...createRequest, url: `${url}/videos` });
    expect(reply.status).toBe(200);
    expect(reply.headers['x-request-id']).toMatch(/^req_/);
    expect(JSON.parse(String(await buffer(reply.body)))).toMatchObject({ status: 'queued', seconds: '8' });
  });

  it('sends a whole video, a range of it, and its head alone', async () => {
    const api = createSimulatedApi();
    const id = await api.create();
    api.clock.advance(3_000);
    const expected = Buffer.from(await (await api.call('GET', `/videos/${id}/content`)).arrayBuffer());
    const url = `${(await serve(api.simulator)).url}/videos/${id}/content`;

    const whole = await nodeHttp({ method: 'GET', url, headers: {} });
    expect((await buffer(whole.body)).equals(expected)).toBe(true);
    const range = await nodeHttp({ method: 'GET', url, headers: { range: 'bytes=-5' } });
    expect(range.status).toBe(206);
    expect((await buffer(range.body)).equals(expected.subarray(-5))).toBe(true);
    const head = await nodeHttp({ method: 'HEAD', url, headers: {} });
    expect(head.headers['content-length']).toBe(String(expected.length));
    expect(await buffer(head.body)).toHaveLength(0);
  });

  it('breaks the connection where the handler drops it', async () => {
    const { url } = await serve(createSimulatedApi({ fault: 'create-dropped-after-accept' }).simulator);
    await expect(nodeHttp({ ...createRequest, url: `${url}/videos` })).rejects.toMatchObject({ code: 'ECONNRESET' });
    const list = await nodeHttp({ method: 'GET', url: `${url}/videos`, headers: {} });
    expect(JSON.parse(String(await buffer(list.body)))).toMatchObject({ data: { length: 1 } });
  });

  it('delivers the first half of a cut download before it breaks', async () => {
    const api = createSimulatedApi({ fault: 'cut-download' });
    const id = await api.create();
    api.clock.advance(3_000);
    const { url } = await serve(api.simulator);
    const reply = await nodeHttp({ method: 'GET', url: `${url}/videos/${id}/content`, headers: {} });
    let received = 0;
    reply.body.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const error = await new Promise((resolve) => reply.body.once('error', resolve));
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(received).toBe(Math.ceil(Number(reply.headers['content-length']) / 2));
  });

  it('ends open connections when it closes', async () => {
    const server = await listen(createSimulatedApi().simulator, { host: '127.0.0.1', port: 0 });
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    await closed;
    const refusal = await new Promise((resolve) => get(server.url).once('error', resolve));
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects when the port is taken', async () => {
    const { url } = await serve(createSimulatedApi().simulator);
    const port = Number(new URL(url).port);
    const second = listen(createSimulatedApi().simulator, { host: '127.0.0.1', port });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
