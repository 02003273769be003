import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { startVideosServer } from '../support/videos-server.ts';

it.skipIf(process.platform !== 'linux')('ends when the folder for files cannot be created', async () => {
  const { code, stderr } = await createCommandLine().run(['mcp', '--simulate', '-o', '/proc/sora/videos']);
  expect(stderr).toContain('error: could not create the folder /proc/sora/videos');
  expect(code).toBe(1);
});

describe('a tool call', () => {
  it('reports progress, ends before the client gives up on a silent server, and lets the session end', async () => {
    const clock = createFakeClock({ isManual: true });
    const stdin = new PassThrough();
    const request = (id: number, method: string, params: object) =>
      stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    const server = await startVideosServer({
      retrieve: () => {
        setImmediate(() => clock.advance(5_000));
        return 'hang';
      },
    });
    server.jobs.push({ id: 'video_1', status: 'queued' });
    const onOutput = (text: string): void => {
      if (text.includes('notifications/progress')) clock.advance(40_000);
      if (text.includes('"id":2')) stdin.end();
    };
    const env = { SORA_API_KEY: 'key-of-the-lab' };
    const session = createCommandLine({ clock }).run(['mcp', '--base-url', server.url], {
      ...{ stdin, onOutput, env, http: nodeHttp },
    });
    const clientInfo = { name: 'test', version: '1' };
    request(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    request(2, 'tools/call', { name: 'status', arguments: { id: 'video_1' }, _meta: { progressToken: 'p' } });
    const { code, stdout } = await session;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const reports = lines.filter(({ method }) => method === 'notifications/progress');
    expect(reports[0]).toMatchObject({ params: { progressToken: 'p', progress: 5 } });
    const reply = stdout.split('\n').find((line) => line.includes('"id":2')) ?? '';
    expect({ code, error: JSON.parse(reply).result.structuredContent.error }).toMatchObject({
      code: 0,
      error: { code: 'interrupted' },
    });
  });
});
