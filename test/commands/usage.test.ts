import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GLOBAL_OPTIONS } from '../../src/app/global-options.ts';
import { COMMANDS } from '../../src/command-table.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { SORA_2, setUp } from '../support/set-up.ts';

const run = (...argv: readonly string[]): Promise<RunResult> => createCommandLine().run(argv);

describe('a usage error', () => {
  it.each<[string, string[], string, string]>([
    ['a word that JavaScript knows', ['constructor'], 'unknown command `constructor`', 'run `sora --help`'],
    [
      'an option before the command',
      ['-d', '5', 'create', 'x'],
      'unknown command `5`',
      'write the command first: `sora create …`',
    ],
    ['an unknown command', ['foo'], 'unknown command `foo`', 'run `sora --help` to list all commands'],
    ['a misspelt command', ['craete', 'x'], 'unknown command `craete`', 'did you mean `sora create`?'],
    ['a misspelt command after one', ['queue', 'retyr'], 'too many arguments', 'did you mean `sora queue retry`?'],
    ['a misspelt option of all commands', ['--verison'], 'unknown option', 'did you mean `--version`?'],
    ['a command of other tools', ['retry', 'x'], 'unknown command `retry`', 'did you mean `sora create --from ID`?'],
    ['help on an unknown command', ['help', 'nope'], 'unknown command `nope`', 'run `sora --help`'],
    [
      'a misspelt command of a group',
      ['config', 'profile', 'sow'],
      '`config profile sow`',
      'did you mean `sora config profile show`?',
    ],
    [
      'an option of other tools',
      ['create', 'x', '--seconds', '5'],
      'unknown option `--seconds`',
      'did you mean `--duration`?',
    ],
    ['a shortened option', ['create', 'x', '--out', 'y'], 'unknown option `--out`', 'did you mean `--output`?'],
    [
      'a mistyped choice',
      ['list', '--status', 'complete'],
      '`--status complete` is not one of',
      'did you mean `completed`?',
    ],
    ['the version as a command', ['version'], 'unknown command `version`', 'did you mean `sora --version`?'],
    ['the version as a short option', ['-v'], 'unknown option `-v`', 'did you mean `--version` or `--debug`?'],
    ['a short option of other tools', ['list', '-n', '5'], 'unknown option `-n`', 'did you mean `--limit`?'],
    ['a long option with one dash', ['status', '-watch'], 'unknown option `-watch`', 'did you mean `--watch`?'],
    [
      'a prompt as an option',
      ['create', '--prompt', 'a boat'],
      'unknown option `--prompt`',
      'put the prompt in quotes',
    ],
    [
      'a prompt without a command',
      ['a paper boat'],
      'unknown command `a paper boat`',
      'did you mean `sora create "a paper boat"`?',
    ],
    ['help after a command', ['create', 'help'], '`help` is not a prompt', 'run `sora create --help`'],
    ['-n with a number', ['create', 'x', '-n', '2'], 'too many arguments', '`-n` is `--dry-run`: write `--count 2`'],
    ['an en dash for hyphens', ['create', 'x', '–duration', '5'], '`–duration`', 'write `--duration`'],
    ['an em dash as the only argument', ['create', '—dry-run'], '`—dry-run`', 'write `--dry-run`'],
    ['a dash before a short option', ['status', '–w'], '`–w`', 'write `-w`'],
    ['an em dash before help', ['create', '—help'], '`—help`', 'write `--help`'],
    ['a dash before the command', ['—simulate', 'list'], '`—simulate`', 'write `--simulate`'],
    [
      'a prompt that begins with a hyphen',
      ['create', '-5 degrees'],
      'unknown option `-5 degrees`',
      'put `--` before a text that begins with a hyphen',
    ],
    ['typographic quotes', ['create', '“a', 'boat”'], 'too many arguments', 'replace the typographic quotes of `“a`'],
    ['an abbreviated command', ['stat'], 'unknown command `stat`', 'did you mean `sora status`?'],
    ['an unknown command of a group', ['config', 'foo'], 'unknown command `config foo`', 'run `sora config --help`'],
    [
      'an unknown option',
      ['create', 'x', '--nope'],
      'unknown option `--nope`',
      'run `sora create --help` to see its arguments',
    ],
    ['a value for a switch', ['create', 'x', '--force=true'], '`--force` takes no value', 'write `--force`'],
    ['a value for a global switch', ['list', '--json=1'], '`--json` takes no value', 'write `--json`'],
    ['a key on the command line', ['list', '--api-key', 'x'], 'unknown option `--api-key`', 'set `SORA_API_KEY`'],
    ['a missing argument', ['create'], 'missing argument `prompt`', 'put the prompt in quotes'],
    ['a missing id', ['delete'], 'missing argument `id`', 'write `@last` for the newest'],
    [
      'an unquoted prompt',
      ['create', 'a', 'boat'],
      'too many arguments',
      'put the prompt in quotes: `sora create "A paper boat"`',
    ],
    [
      'an option without its value',
      ['create', 'x', '--model'],
      '`--model` needs a value',
      'write it as `--model <name>`',
    ],
    [
      'an option that would swallow the next one',
      ['create', 'x', '-o', '--dry-run'],
      '`--output` needs a value, and `--dry-run` is an option',
      'write it as `--output <',
    ],
    ['the same for a short one', ['create', 'x', '-m=-n'], '`-n` is an option', 'write it as `--model <name>`'],
    ['the same in one word', ['create', 'x', '--model=-n'], '`-n` is an option', 'write it as `--model <name>`'],
    [
      'an empty value',
      ['list', '--base-url', ''],
      'the value of `--base-url` is empty',
      'write it as `--base-url <url>`',
    ],
    ['a key as an argument', ['config', 'key', 'set', 'sk-abc'], 'too many arguments', 'pipe the key in'],
    [
      'a key for a profile',
      ['config', 'key', 'set', 'sk-abc', '--profile', 'lab'],
      'too many arguments',
      'pipe the key in, as in `printenv MY_KEY | sora config key set --profile lab`',
    ],
    ['a setting in one word', ['config', 'set', 'max_cost=5'], 'missing argument `value`', 'separate name and value'],
    ['`rm` in a group', ['config', 'rm', 'x'], 'unknown command `config rm`', 'did you mean `sora config unset`?'],
    [
      'a removal of other tools in a group with an alias',
      ['config', 'profile', 'delete', 'x'],
      'unknown command `config profile delete`',
      'did you mean `sora config profile remove`?',
    ],
    [
      'an option of a subcommand',
      ['ledger', 'copy', '--to', 'x'],
      '`--to`: it is not',
      'run `sora ledger copy --help`',
    ],
    ['an empty id', ['status', ''], 'an id is empty', 'run `sora status --help`'],
    ['a blank id in quotes', ['status', '" "'], 'an id is empty', 'run `sora status --help`'],
    ['an empty id to attach', ['attach', 'sub_1', ''], 'an id is empty', 'run `sora attach --help`'],
    ['an empty id among others', ['delete', 'video_1', ' '], 'an id is empty', 'run `sora delete --help`'],
    ['an empty id to stop', ['cancel', ''], 'an id is empty', 'run `sora cancel --help`'],
    ['an empty id to save', ['download', ''], 'an id is empty', 'run `sora download --help`'],
    [
      'an invalid choice',
      ['list', '--color', 'blue'],
      '`--color blue` is not one of auto, always, never',
      'run `sora list --help`',
    ],
    [
      'a fault without the simulator',
      ['create', 'x', '--fault', 'stuck'],
      '`--fault` needs `--simulate`',
      'add `--simulate`',
    ],
    ['a misspelt fault', ['list', '--simulate', '--fault', 'server_eror'], 'no fault', 'did you mean `server_error`?'],
    ['an unknown fault', ['list', '--simulate', '--fault', 'x'], 'has no fault `x`', 'choose one of invalid_value'],
    [
      'an unknown fault, for a command that examines the server',
      ['doctor', '--simulate', '--fault', 'x'],
      'has no fault `x`',
      'choose one of invalid_value',
    ],
    [
      'a profile beside the simulator',
      ['create', 'x', '--simulate', '--profile', 'nope'],
      '`--simulate` and `--profile` select different servers',
      'leave out `--profile` to use the simulator',
    ],
    [
      'an address beside the simulator',
      ['list', '--simulate', '--base-url', 'x'],
      '`--simulate` and `--base-url` select different servers',
      'leave out `--base-url`',
    ],
    ['two conflicting options', ['doctor', '--curl', '--server'], 'not both', 'run `sora doctor --help`'],
    [
      'an invalid limit',
      ['list', '--limit', '0'],
      '`--limit 0` is not a whole number from 1',
      'run `sora list --help`',
    ],
    [
      'an invalid duration',
      ['status', '--timeout', 'x'],
      '`--timeout x` is not a duration',
      'run `sora status --help`',
    ],
  ])('%s is reported with a hint and exit code 2, in JSON too', async (_, argv, words, hint) => {
    const human = await run(...argv);
    expect({ code: human.code, stdout: human.stdout }).toEqual({ code: 2, stdout: '' });
    expect(human.stderr).toContain(words);
    expect(human.stderr).toContain(`hint: ${hint}`);

    const json = await run(...argv, '--json');
    expect({ code: json.code, stdout: json.stdout }).toEqual({ code: 2, stdout: '' });
    expect(json.stderr.trim().split('\n')).toHaveLength(1);
    const { error } = JSON.parse(json.stderr);
    expect(error).toMatchObject({ code: 'usage', status: null, request_id: null, retryable: false, job_id: null });
    expect([error.message, ...error.violations].join('\n')).toContain(words);
    expect(error.hints.join('\n')).toContain(hint);
  });

  it.each([[['--json', 'list', '--nope']], [['list', '--nope', '--json']]])(
    'honours --json in any position: %j',
    async (argv) => {
      expect(JSON.parse((await run(...argv)).stderr).error.code).toBe('usage');
    },
  );
});

describe('an option with a value', () => {
  it('never takes the next option as its value, in any command', async () => {
    for (const { name, load } of COMMANDS) {
      const definition = await load();
      const valued = Object.values({ ...GLOBAL_OPTIONS, ...definition.options }).filter(({ flags }) =>
        flags.includes('<'),
      );
      for (const { flags } of valued) {
        const flag = /--[\w-]+/.exec(flags)?.[0] ?? '';
        const { code, stderr } = await run(...name.split(' '), flag, '--dry-run');
        expect({ name, flag, code, stderr }).toMatchObject({
          code: 2,
          stderr: expect.stringContaining('is an option'),
        });
      }
    }
  });

  it('accepts `-` and negative numbers', async () => {
    expect((await run('create', 'x', '-o', '-', '-n')).code).toBe(0);
    expect((await run('list', '--limit', '-5')).stderr).toContain('`--limit -5` is not a whole number');
  });
});

describe('help', () => {
  it('breaks its lines between words at 50 columns', async () => {
    const { stdout } = await createCommandLine().run(['--help'], { stdoutIsTerminal: true, columns: 50 });
    const lines = stdout.slice(0, stdout.indexOf('Examples:')).split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(50);
  });

  it.each([[[]], [['--help']], [['-h']], [['config']], [['config', 'key']]])(
    'is printed by `sora %j` on standard output',
    async (argv) => {
      const { code, stdout, stderr } = await run(...argv);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: sora /);
    },
  );

  it('lists every command', async () => {
    const { stdout } = await run('--help');
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name.split(' ')[0]} `, 'm'));
  });

  it.each(COMMANDS.map(({ name }) => name))(
    'of `%s` fits 80 columns, except the JSON shape and commands to copy',
    async (name) => {
      const { stdout } = await run(...name.split(' '), '--help');
      const long = stdout.split('\n').filter((line) => line.length > 80 && !/^ {2}(\{|\$ )/.test(line));
      expect(long).toEqual([]);
      expect(stdout).toMatch(
        /\n\nExamples:\n( {2}# .+\n {2}\$ .*sora .+\n){2,4}\nGlobal options: see `sora --help`\n\n$/,
      );
    },
  );
});

describe('the version', () => {
  it.each([[['--version']], [['-V']], [['list', '--version']], [['--json', '-V']]])(
    'is printed by %j',
    async (argv) => {
      expect(await run(...argv)).toMatchObject({ code: 0, stdout: '0.0.0-test\n', stderr: '' });
    },
  );
});

describe('global options', () => {
  it('may come before or after the command, and the later one wins', async () => {
    const get = async (...argv: readonly string[]) => (await run(...argv)).stdout;
    expect(await get('--base-url', 'http://a/v1', 'config', 'get', 'base_url')).toBe('http://a/v1\n');
    expect(await get('--base-url', 'http://a/v1', 'config', 'get', 'base_url', '--base-url', 'http://b/v1')).toBe(
      'http://b/v1\n',
    );
  });

  it('are not recognised after `--`', async () => {
    const { stdout } = await run('create', '-n', '--json', '--', '--simulate');
    expect(JSON.parse(stdout).request.prompt).toBe('--simulate');
  });

  it('refuse an unknown dialect', async () => {
    const { code, stderr } = await run('list', '--dialect', 'latin', '--json');
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 2, error: 'usage' });
    expect(stderr).toContain('videos, generations, openrouter');
  });
});

describe('the output', () => {
  it('with --quiet is only the answer and errors', async () => {
    const sora = createCommandLine();
    const good = await sora.run(['create', 'a boat', '-d', '5', '--simulate', '--quiet', '--no-download']);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    const bad = await sora.run(['create', 'a ship', '--simulate', '--fault', 'processing_error', '-q', '-d', '5']);
    expect(bad.stderr).toMatch(/^error: the job failed\n/);
  });

  it('with --json is one document that includes notes', async () => {
    const { stdout, stderr } = await run('create', 'a boat', '-d', '5', '--simulate', '--no-download', '--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', notes: [expect.stringContaining('using 4')] });
  });

  it('with --json and an error is one object with every documented key', async () => {
    const { stdout, stderr } = await run('create', 'a boat', '--simulate', '--fault', 'insufficient_quota', '--json');
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'insufficient_quota',
        message: 'out of quota',
        violations: [],
        caused_by: expect.stringContaining('You exceeded your current quota'),
        hints: [expect.stringMatching(/^add credit/), expect.stringMatching(/^check the limits/)],
        status: 429,
        request_id: expect.stringMatching(/^req_/),
        retryable: false,
        job_id: null,
        submission: null,
      },
    });
  });

  it('suggests a dry run only where the server has refused the request', async () => {
    const refused = await run('create', 'a boat', '--simulate', '--fault', 'invalid_value');
    expect(refused.stderr).toContain('hint: add `--dry-run` to see the request');
    const invalid = await run('create', 'a boat', '--simulate', '-r', '721p', '--dry-run');
    expect(invalid.stderr).not.toContain('hint: add `--dry-run`');
  });

  it.each<[string, readonly string[], Record<string, string>]>([
    ['--debug', ['--debug'], {}],
    ['LOG_LEVEL=debug', [], { LOG_LEVEL: 'debug' }],
    ['LOG_LEVEL=DEBUG', [], { LOG_LEVEL: 'DEBUG' }],
  ])('with %s includes each request and response, without keys', async (_, argv, env) => {
    const { sora, run } = await setUp({}, { env: { SORA_API_KEY: 'sk-secret-of-the-lab', ...env } });
    const created = await run('create', 'a boat', ...SORA_2, '--detach', ...argv);
    const missing = await run('status', 'video_nope', ...argv);
    expect(sora.plain(created.stderr).replace(/"ms":\d+/g, '"ms":MS')).toMatchInlineSnapshot(`
      "cost: $0.40
      [debug] request {"method":"POST","url":"http://127.0.0.1:PORT/v1/videos","baseURL":"http://127.0.0.1:PORT/v1"}
      [debug] request body {"type":"application/json","bytes":68,"text":"{\\"model\\":\\"sora-2\\",\\"prompt\\":\\"a boat\\",\\"seconds\\":\\"4\\",\\"size\\":\\"1280x720\\"}"}
      [debug] response {"status":200,"url":"http://127.0.0.1:PORT/v1/videos","ms":MS}
      note: run \`sora download video_1 --wait --base-url http://127.0.0.1:PORT/v1\` to wait for the video and save it
      "
    `);
    expect(sora.plain(missing.stderr).replace(/"ms":\d+/g, '"ms":MS')).toMatchInlineSnapshot(`
      "[debug] request {"method":"GET","url":"http://127.0.0.1:PORT/v1/videos/video_nope","baseURL":"http://127.0.0.1:PORT/v1"}
      [debug] response {"status":404,"url":"http://127.0.0.1:PORT/v1/videos/video_nope","ms":MS}
      [error] response error {"status":404,"url":"http://127.0.0.1:PORT/v1/videos/video_nope","error":"{\\"error\\":{\\"message\\":\\"Video with id 'video_nope' not found\\"}}"}
      error: no such video
        caused by: HTTP 404: Video with id 'video_nope' not found

      hint: run \`sora list\` to see the known videos
      hint: check that \`--profile\` or \`--base-url\` selects the server that created it
      "
    `);
    expect(created.stderr + missing.stderr).not.toContain('secret');
  });

  it('contains no control characters from a server, and JSON keeps them escaped', async () => {
    const evil = 'a\x1b[31mred\x1b[0m\x07 \u202eback\u202c \x9b2Jclear';
    const id = 'vid\x1b[2Jeo';
    const { server, run, runWith } = await setUp({
      retrieve: (job) => ({ body: { ...job, status: 'failed', error: { code: 'x', message: evil } } }),
    });
    server.jobs.push({ id, status: 'failed', prompt: evil, model: evil });
    for (const isTerminal of [false, true]) {
      const shown = await runWith({ env: { NO_COLOR: '1' }, stdoutIsTerminal: isTerminal }, 'status', id, '--watch');
      expect(shown.stdout + shown.stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
      expect(shown.stdout).toContain('ared back clear');
    }
    const { stdout } = await run('status', id, '--json');
    expect(stdout).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
    expect(JSON.parse(stdout)).toMatchObject({ id, prompt: evil });
  });
});

describe('a command in a hint', () => {
  it('uses the server that the command line named', async () => {
    const { stderr } = await run('status', 'video_nope', '--simulate');
    expect(stderr).toContain('hint: run `sora list --simulate` to see the known videos');
  });
});

describe('an id', () => {
  it('may end in the line break of the file that it comes from', async () => {
    const cli = createCommandLine();
    const id = (await cli.run(['create', 'x', '--simulate', '--detach'])).stdout;
    expect(await cli.run(['status', id.replace('\n', '\r\n'), '--simulate'])).toMatchObject({ code: 0 });
  });
});

describe('a path', () => {
  it('that begins with ~ is in the home folder, although the shell left it alone', async () => {
    const cli = createCommandLine();
    const { code, stdout } = await cli.run(['create', 'x', '--simulate', '-o', '~/films/x.mp4', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).files[0].path).toBe(join(dirname(cli.home), 'films', 'x.mp4'));
  });
});

describe('the value of a short option', () => {
  it.each([['-m', 'wan'], ['-mwan'], ['-m=wan']])('may follow it in any form: %j', async (...argv) => {
    const { json } = await run('create', 'x', '-n', '--json', '--base-url', 'http://lab.example/v1', ...argv);
    expect(json()).toMatchObject({ request: { model: 'wan' } });
  });

  it('is not looked for in a prompt after `--`', async () => {
    const { json } = await run('create', '-n', '--json', '--base-url', 'http://lab.example/v1', '--', '-m=wan');
    expect(json()).toMatchObject({ request: { prompt: '-m=wan' } });
  });
});
