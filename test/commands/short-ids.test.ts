import { describe, expect, it } from 'vitest';
import { createCommandLine } from '../support/command-line.ts';
import { setUp } from '../support/set-up.ts';

/** A server that assigns these ids. */
async function setUpWithIds(...ids: readonly string[]) {
  const bench = await setUp({
    create: (accept) => {
      accept();
      const { jobs } = bench.server;
      return { body: Object.assign(jobs.at(-1) ?? {}, { id: ids[jobs.length - 1] }) };
    },
  });
  return bench;
}

describe('the unique ending of an id', () => {
  it('works in status, cancel, download and delete, whose notes use the short id', async () => {
    const sora = createCommandLine();
    const id = (await sora.run(['create', 'a paper boat', '--simulate', '--detach'])).stdout.trim();
    expect((await sora.run(['status', id.slice(-4), '--json'])).json()).toMatchObject({ id });
    expect((await sora.run(['status', `"${id}"`, '--json'])).json()).toMatchObject({ id }); // `jq` without -r
    const { stderr } = await sora.run(['status', id.slice(-5), '--watch']);
    expect(stderr).toContain(`${id.slice(-6)}: completed`);
    expect((await sora.run(['download', id.slice(-6), '-o', 'boat.mp4'])).stdout).toBe('boat.mp4\n');
    expect((await sora.run(['cancel', id.slice(-6)])).stderr).toContain('already');
    const deleted = await sora.run(['delete', id.slice(-6)]);
    expect(deleted).toMatchObject({ code: 0, stdout: `${id}\n` });
    expect(deleted.stderr).toContain(`deleting ${id.slice(-6)} ("a paper boat")`);
  });

  it('must be unique, except for a whole id, and may be that of a submission', async () => {
    const { run, create } = await setUpWithIds('video_0000001abcd', 'video_0000002abcd', 'abcd');
    await create(['--detach']);
    await create(['--detach', '--again']);
    const { code, stderr } = await run('status', 'abcd');
    expect(code).toBe(2);
    expect(stderr).toContain('error: `abcd` is the ending of 2 ids\n  - 02abcd: a paper boat (queued)\n  - 01abcd:');
    await create(['--detach', '--again']);
    expect((await run('status', 'abcd', '--json')).json()).toMatchObject({ id: 'abcd' });
    const { submission } = (await run('status', '2abcd', '--json')).json<{ submission: string }>();
    expect((await run('status', submission.slice(-8), '--json')).json()).toMatchObject({ id: 'video_0000002abcd' });
  });

  it('is that of the submission where the ids of a server all end alike, as those of LiteLLM do', async () => {
    const deployment = `${'bGl0ZWxsbTpjdXN0b21f'.repeat(5)}NDNmYQ==`;
    const ids = ['one', 'two', 'elsewhere'].map((name) => `video_${name}${deployment}`);
    const { run, create, server } = await setUpWithIds(...ids);
    const started = await create(['--detach']);
    await create(['--detach', '--again']);
    const [named = ''] = /(?<=`sora download )\S+/.exec(started.stderr) ?? [];
    expect(named).toMatch(/^[0-9a-z]{6}$/);
    expect((await run('status', named, '--json')).json()).toMatchObject({ id: ids[0] });
    expect((await run('download', named, '--wait')).code).toBe(0);
    const { stderr } = await run('status', named.slice(-4), '--watch');
    expect(stderr).toContain(`${named}: completed`);
    server.jobs.push({ id: String(ids[2]), status: 'queued' });
    expect((await run('list', '--json')).json<{ jobs: unknown[] }>().jobs).toHaveLength(3);
  });

  it('means a job of the server in use first, and never reaches another server', async () => {
    const one = await setUpWithIds('video_0000001abcd');
    await one.create(['--detach']);
    const two = await setUpWithIds('video_0000002abcd');
    const onTwo = { env: { SORA_BASE_URL: two.server.url } };
    await one.runWith(onTwo, 'create', 'a paper boat', '--detach');
    expect((await one.runWith(onTwo, 'status', 'abcd', '--json')).json()).toMatchObject({ id: 'video_0000002abcd' });
    expect((await one.run('status', 'abcd', '--json')).json()).toMatchObject({ id: 'video_0000001abcd' });
    const { code, stderr } = await one.run('cancel', '1abcd', '--base-url', two.server.url);
    expect({ code, requests: two.server.requests.filter(({ path }) => path.includes('1abcd')) }).toEqual({
      code: 2,
      requests: [],
    });
    expect(stderr).toContain('this job belongs to');
  });

  it('works for jobs that only the server lists', async () => {
    const { run, server } = await setUp();
    server.jobs.push({ id: 'video_made_elsewhere_7f3a', status: 'queued', prompt: 'made elsewhere' });
    expect((await run('status', '7f3a', '--json')).json()).toMatchObject({ id: 'video_made_elsewhere_7f3a' });
    const { code, stderr } = await run('status', '0000');
    expect({ code, asked: server.requests.some(({ path }) => path.endsWith('/videos/0000')) }).toEqual({
      code: 1,
      asked: false,
    });
    expect(stderr).toContain('no job has the id `0000`');
  });

  it('is not needed for a whole id when the server has no list', async () => {
    const { run, server } = await setUp({ list: () => ({ status: 404, body: { detail: 'Not Found' } }) });
    server.jobs.push({ id: 'elsewhere', status: 'queued', prompt: 'made elsewhere' });
    expect((await run('status', 'elsewhere', '--json')).json()).toMatchObject({ id: 'elsewhere' });
  });
});
