import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

/** Two replicas, of which only the first gets creates: a balancer gives each new connection to the next one. */
async function setUp(
  statuses: readonly string[],
  missing: ScriptedReply,
): Promise<{ home: VideosServer; run(...argv: readonly string[]): Promise<RunResult> }> {
  const steps = [...statuses];
  const home = await startVideosServer({
    retrieve: (job) => ({ body: { ...job, status: steps.length > 1 ? steps.shift() : steps[0] } }),
  });
  const other = await startScriptedServer([missing]);
  const ports = [home, other].map(({ origin }) => Number(new URL(origin).port));
  let connections = 0;
  const balancer = createServer((socket) => {
    const replica = connect(ports[connections++ % 2] ?? 0, '127.0.0.1');
    socket.pipe(replica).pipe(socket);
    for (const end of [socket, replica]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void balancer.close());
  const { port } = balancer.address() as AddressInfo;
  const sora = createCommandLine();
  const env = { SORA_BASE_URL: `http://127.0.0.1:${port}/v1`, SORA_API_KEY: 'key-of-the-lab' };
  const run = (...argv: readonly string[]): Promise<RunResult> => sora.run(argv, { http: nodeHttp, env });
  expect((await run('create', 'a paper boat', '--detach')).code).toBe(0);
  return { home, run };
}

describe.each<[string, ScriptedReply]>([
  ['its own words', { status: 404, body: { error: { message: 'Video with id video_1 not found' } } }],
  ['a framework’s words', { status: 404, body: { detail: 'Not Found' } }],
  ['a page', { status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>404 Not Found</h1>' }],
  ['an empty reply', { status: 404 }],
  ['another status', { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist' } }],
])('a replica that reports in %s that it does not have a job', (_, missing) => {
  it.each([
    ['status', 'completed', ['status', 'video_1']],
    ['download', 'completed', ['download', 'video_1', '-o', 'boat.mp4']],
    ['delete', 'completed', ['delete', 'video_1', '--yes']],
    ['cancel', 'in_progress', ['cancel', 'video_1']],
  ])('does not end `sora %s`', async (name, status, argv) => {
    const { home, run } = await setUp([status], missing);
    const { code, stderr } = await run(...argv);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(home.jobs).toHaveLength(name === 'delete' || name === 'cancel' ? 0 : 1);
  });
});
