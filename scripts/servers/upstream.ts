// `sora serve` behind a recorder of what a gateway or a third-party client sends to it.
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { listenOnLoopback, type Started, startServer } from './processes.ts';

const BINARY = join(import.meta.dirname, '../../bin/sora.js');

export interface Upstream {
  readonly baseUrl: string;
  /** Bodies of the received creates, in order. */
  readonly creates: readonly string[];
  /** How many jobs are still running. */
  unfinished(): Promise<number>;
  stop(): Promise<void>;
}

/** The key that `sora serve` accepts when its videos are free. */
export const UPSTREAM_KEY = 'test-api-key';

export async function startUpstream(home: string, ...argv: readonly string[]): Promise<Upstream> {
  const serve = await startServer((port) => [process.execPath, BINARY, 'serve', '--port', String(port), ...argv], {
    env: { SORA_HOME: home },
    probe: '/v1/videos',
  });
  const { origin, creates, close } = await record(serve);
  const baseUrl = `${origin}/v1`;
  return {
    baseUrl,
    creates,
    async unfinished() {
      const reply = await fetch(`${baseUrl}/videos?limit=100`, {
        headers: { authorization: `Bearer ${UPSTREAM_KEY}` },
      });
      const { data } = (await reply.json()) as { data: readonly { status: string }[] };
      return data.filter(({ status }) => status === 'queued' || status === 'in_progress').length;
    },
    async stop() {
      close();
      await serve.stop();
    },
  };
}

async function record({ origin }: Started): Promise<{ origin: string; creates: string[]; close: () => void }> {
  const creates: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming).catch(() => null);
    if (body === null) return; // the client has gone
    if (incoming.method === 'POST' && incoming.url === '/v1/videos') creates.push(body.toString('latin1'));
    const { method, headers, url = '/' } = incoming;
    const forward = request(`${origin}${url}`, { ...(method === undefined ? {} : { method }), headers });
    forward.on('response', (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
      reply.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    forward.end(body);
  });
  return {
    origin: `http://127.0.0.1:${await listenOnLoopback(server)}`,
    creates,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
