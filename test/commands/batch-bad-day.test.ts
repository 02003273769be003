import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Http } from '../../src/platform/http.ts';
import { ConnectionDropped } from '../../src/simulator/api-error.ts';
import { Conditions } from '../../src/simulator/conditions.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { httpFromHandler } from '../support/request-handler.ts';
import { SORA_2 } from '../support/set-up.ts';
import { createSimulatedApi, type SimulatedApi } from '../support/simulated-api.ts';
import { CLIP } from '../support/videos-server.ts';

const ROWS = 60;

interface Job {
  readonly id: string;
  readonly prompt: string;
}

/** Breaks every tenth connection, alternately before the request arrives and after it is processed. */
function resetting(http: Http): { readonly http: Http; readonly resets: () => number } {
  let calls = 0;
  return {
    resets: () => Math.floor(calls / 10),
    async http(request) {
      const call = ++calls;
      if (call % 20 === 10) throw new ConnectionDropped();
      const reply = await http(request);
      if (call % 20 === 0) throw new ConnectionDropped();
      return reply;
    },
  };
}

async function jobsOf({ handle }: SimulatedApi): Promise<Job[]> {
  const reply = await handle(new Request('http://simulator.invalid/v1/videos?limit=100'));
  return (JSON.parse(await reply.text()) as { data: Job[] }).data;
}

it('a batch completes every row and pays for none twice when 429s, resets and cut downloads are frequent', async () => {
  const clock = createFakeClock();
  const conditions = new Conditions(() => 0, {
    faults: { rate_limit_exceeded: 0.5, 'cut-download': 0.1 },
    seed: 7,
  });
  const api = createSimulatedApi({ clock, conditions, render: ({ id }) => Buffer.concat([CLIP, Buffer.from(id)]) });
  const { http, resets } = resetting(httpFromHandler(api.handle));
  const sora = createCommandLine({ clock });
  const prompts = Array.from({ length: ROWS }, (_, at) => `scene ${at}`);
  writeFileSync(join(sora.cwd, 'shots.txt'), prompts.join('\n'));
  await sora.run(['config', 'profile', 'add', 'lab', '--base-url', 'http://lab.invalid/v1']);
  await sora.run(['config', 'set', 'profiles.lab.capabilities.complete_list', 'yes']);

  const run = await sora.run(['batch', 'shots.txt', ...SORA_2, '--profile', 'lab', '-y'], { http });

  expect(run.stderr).toMatch(/60 rows: 60 done; spent: \$24\.00\n$/);
  expect(run.code).toBe(0);
  expect(resets()).toBeGreaterThan(20);
  const jobs = await jobsOf(api);
  expect(jobs.map(({ prompt }) => prompt).sort()).toEqual(prompts.toSorted());
  const idOf = new Map(jobs.map(({ prompt, id }) => [prompt, id]));
  const results = readFileSync(join(sora.cwd, 'shots.txt.results.jsonl'), 'utf8').trim().split('\n');
  for (const line of results) {
    const { id, prompt, files } = JSON.parse(line);
    expect(id).toBe(idOf.get(prompt));
    expect(readFileSync(files[0].path).subarray(CLIP.length).toString()).toBe(id);
  }
  expect(results).toHaveLength(ROWS);
});
