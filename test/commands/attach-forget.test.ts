import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

interface Bench {
  readonly server: VideosServer;
  /** The submission whose answer was lost. */
  readonly key: string;
  run(...argv: readonly string[]): Promise<RunResult>;
}

/** A create that the server accepted without a reply; its list shows the job without the prompt. */
async function loseAnswer(): Promise<Bench> {
  const sora = createCommandLine();
  const server = await startVideosServer({
    create: (accept, { body }) => {
      const answer = accept();
      return body.includes('lost') ? 'drop' : answer;
    },
    list: () => ({ body: { data: server.jobs.map((job) => ({ ...job, prompt: null })) } }),
  });
  const run = (...argv: readonly string[]): Promise<RunResult> =>
    sora.run(argv, { http: nodeHttp, env: { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab' } });
  const lost = await run('create', 'lost', '--json');
  return { server, key: JSON.parse(lost.stderr).error.submission, run };
}

describe('sora attach', () => {
  it('continues with the job that the error named', async () => {
    const { server, key, run } = await loseAnswer();
    expect((await run('create', 'lost')).stderr).toContain(`run \`sora attach ${key} video_1\` if it is video_1`);
    const attached = await run('attach', ` ${key}`, '"video_1"', '--json'); // as files and `jq` print them
    expect(attached).toMatchObject({ code: 0 });
    expect(attached.json()).toMatchObject({ id: 'video_1', submission: key });
    expect((await run('create', 'lost')).code).toBe(0);
    expect(server.posts).toBe(1);
  });

  it.each([
    ['an unknown submission', ['sub_nope', 'video_1'], 'usage'],
    ['an empty id', ['KEY', ''], 'usage'],
    ['an id of white space', ['KEY', ' '], 'usage'],
    ['a job that the server does not know', ['KEY', 'video_9'], 'video_not_found'],
    ['a job of another submission', ['KEY', 'video_2'], 'usage'],
  ])('refuses %s', async (_, argv, code) => {
    const { key, run } = await loseAnswer();
    await run('create', 'another', '--detach');
    const { stderr } = await run('attach', ...argv.map((word) => (word === 'KEY' ? key : word)), '--json');
    expect(JSON.parse(stderr).error.code).toBe(code);
  });
});

describe('sora forget', () => {
  it('lets the request be submitted again, and counts the first one as spent', async () => {
    const { server, key, run } = await loseAnswer();
    expect(await run('forget', key)).toMatchObject({ code: 0, stdout: `${key}\n` });
    await run('create', 'lost');
    expect(server.posts).toBe(2);
    expect((await run('cost', '--spent', '--json')).json()).toMatchObject({ total: { jobs: 2 } });
  });

  it('refuses a submission that has a job', async () => {
    const { key, run } = await loseAnswer();
    await run('attach', key, 'video_1');
    const { code, stderr } = await run('forget', key, '--json');
    expect({ code, error: JSON.parse(stderr).error }).toMatchObject({ code: 2, error: { submission: key } });
  });
});

describe('an unresolved submission', () => {
  it.each([['status'], ['cancel'], ['delete']])(
    'is reported by `%s` with the commands that resolve it',
    async (command) => {
      const { key, run } = await loseAnswer();
      const { error } = JSON.parse((await run(command, key, '--json')).stderr);
      expect(error).toMatchObject({ code: 'outcome_unknown', submission: key });
      expect(error.hints.join()).toMatch(/sora attach sub_\w+ video_1.*sora forget sub_/s);
    },
  );

  it.each([
    ['status', '--watch'],
    ['cancel', '--all'],
  ])('does not make `%s %s` fail', async (...argv) => {
    const { key, run } = await loseAnswer();
    const { code, stderr } = await run(...argv);
    expect(code).toBe(0);
    expect(stderr).toContain(`note: ${key}: outcome unknown`);
  });
});
