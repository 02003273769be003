import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { HOSTILE_REPLIES, startHostileServer } from '../support/hostile-server.ts';

/** Enough for every reply that ends by itself. */
const CALL_MS = 250;

const CALLS = {
  create: ['create', 'a boat', '--yes', '--detach'],
  status: ['status', 'video_1'],
  list: ['list'],
  download: ['download', 'video_1'],
  cancel: ['cancel', 'video_1'],
  delete: ['delete', 'video_1', '--yes'],
  doctor: ['doctor'],
} as const;

/** Pauses are skipped, but calls are limited in real time. */
function createImpatientClock() {
  const clock = createFakeClock();
  const alarm = (ms: number, ring: () => void): (() => void) => systemClock.alarm(Math.min(ms, CALL_MS), ring);
  return { ...clock, alarm };
}

function codeOf({ stderr }: RunResult): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last.startsWith('{') ? (JSON.parse(last).error?.code ?? '') : '';
}

it.each(Object.entries(HOSTILE_REPLIES))('every command survives %s', async (_, reply) => {
  const server = await startHostileServer(() => reply);
  onTestFinished(server.close);
  const env = { OPENAI_API_KEY: 'sk-test-0123456789abcdef', OPENAI_BASE_URL: server.url };
  const results = await Promise.all(
    Object.entries(CALLS).map(async ([name, argv]) => {
      const sora = createCommandLine({ clock: createImpatientClock() });
      return { name, ...(await sora.run([...argv, '--json'], { env, http: nodeHttp })) };
    }),
  );
  for (const result of results) {
    const { name, code, stdout, stderr } = result;
    expect({ name, code, stack: /^\s+at /m.exec(stderr) }).toEqual({ name, code: expect.any(Number), stack: null });
    expect(stderr + stdout).not.toContain('\u001b');
    expect([name, codeOf(result)]).not.toEqual([name, 'unexpected']);
    if (code === 0) continue;
    expect([name, [1, 4, 5, 7, 8]]).toEqual([name, expect.arrayContaining([code])]);
  }
  // There is none when a busy machine takes longer to connect than a call may last here.
  expect(server.requests.filter((request) => request.startsWith('POST')).length).toBeLessThanOrEqual(1);
});
