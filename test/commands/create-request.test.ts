import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  type CommandLine,
  createCommandLine,
  Interrupt,
  type RunOptions,
  type RunResult,
} from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { SORA_2, setUp } from '../support/set-up.ts';

const LAB = { SORA_BASE_URL: 'http://lab.example/v1', SORA_API_KEY: 'key-of-the-lab' };

/** A dry run without a network: any call would fail the test. */
const dryRun = (sora: CommandLine, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  sora.run(['create', 'a paper boat', '--dry-run', ...SORA_2, ...argv], { env: LAB, ...options });

const violationsOf = ({ stderr }: RunResult): string[] => JSON.parse(stderr).error.violations;

describe('sora create --dry-run', () => {
  it('shows the request, the cost and a curl, touches no network and writes nothing', async () => {
    const sora = createCommandLine();
    const { code, stdout, stderr } = await dryRun(sora, ['-d', '5', '--count', '2']);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "model            sora-2
      prompt           a paper boat
      seconds          4
      size             1280x720
      count            2
      cost             $0.80

      curl http://lab.example/v1/videos \\
        -H "Authorization: Bearer $SORA_API_KEY" \\
        -H "Content-Type: application/json" \\
        -d '{"model":"sora-2","prompt":"a paper boat","seconds":"4","size":"1280x720"}'
      "
    `);
    expect(stderr).toMatchInlineSnapshot(`
      "note: sora-2 renders 4, 8, 12, 16 or 20 seconds: using 4 instead of 5 (\`--exact\` refuses instead)
      "
    `);
    expect(readdirSync(join(sora.home, '..'))).toEqual(['work']);
  });

  it('reports the same in JSON, including notes', async () => {
    const { stdout, stderr } = await dryRun(createCommandLine(), ['-d', '5', '--json']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      request: { model: 'sora-2', seconds: '4', size: '1280x720' },
      count: 1,
      cost: { estimated_usd: 0.4, price_list: 'openai-2026-03-12' },
      notes: [expect.stringContaining('using 4 instead of 5')],
    });
  });

  it('shows an image as a file of the form', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'first.png'), createPngHeader(1280, 720));
    const { stdout } = await dryRun(sora, ['-i', 'first.png']);
    expect(stdout).toContain(`-F "input_reference=@first.png;type=image/png"`);
  });

  it('never shows the key', async () => {
    const { stdout } = await dryRun(createCommandLine(), []);
    expect(stdout).toContain('-H "Authorization: Bearer $SORA_API_KEY"');
    expect(stdout).not.toContain(LAB.SORA_API_KEY);
  });

  it('shows the usual price of a simulated video, and an unknown price as unknown', async () => {
    const sora = createCommandLine();
    expect((await dryRun(sora, ['--simulate'])).stdout).toMatch(/^cost +free \(simulated; normally \$0\.40\)$/m);
    expect((await dryRun(sora, ['-m', 'wan-2.2'])).stdout).toMatch(/^cost +unknown$/m);
    expect((await dryRun(sora, ['-m', 'wan-2.2', '--json'])).json()).toMatchObject({ cost: { estimated_usd: null } });
  });
});

describe('the prompt', () => {
  it.each([
    ['a file', '@prompt.txt', undefined],
    ['standard input', '-', 'from elsewhere\n'],
  ])('is read from %s, without the newline at its end', async (_, argument, stdin) => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'prompt.txt'), 'from elsewhere\r\n');
    const options = { env: LAB, ...(stdin === undefined ? {} : { stdin }) };
    const { stdout } = await sora.run(['create', argument, '-n', '--json'], options);
    expect(JSON.parse(stdout).request.prompt).toBe('from elsewhere');
  });

  it('is read from standard input until Ctrl-C, which takes effect at once', async () => {
    const interrupt = new AbortController();
    const stdin = new PassThrough();
    stdin.write('never fin');
    const run = createCommandLine().run(['create', '-'], { env: LAB, stdin, interrupt: interrupt.signal });
    interrupt.abort(new Interrupt('SIGINT'));
    expect(await run).toMatchObject({ code: 130, stderr: expect.stringContaining('error: interrupted') });
  });

  it.each([
    ['empty', '', 'the prompt is empty'],
    ['blank', '  \n ', 'the prompt is empty'],
    ['too long', 'x'.repeat(32_001), 'the prompt has 32001 characters; the limit is 32000'],
    ['binary', 'a\u0000b', 'the prompt contains binary data'],
    ['of a missing file', '@nope.txt', '; write `@@` for a prompt that begins with `@`'],
    ['of a binary file', '@binary', 'is not text in UTF-8 or UTF-16'],
    ['of a folder', '@.', 'could not read the prompt file: it is a folder, not a file'],
    ...(existsSync('/dev/zero')
      ? [['without an end', '@/dev/zero', 'could not read the prompt file: it is larger than 64 MiB']]
      : []),
  ])('is refused when it is %s', async (_, prompt, words) => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
    const result = await sora.run(['create', prompt, '--json'], { env: LAB });
    expect(result.code).toBe(2);
    expect(violationsOf(result)).toEqual([expect.stringContaining(words)]);
  });

  it('may have 32,000 characters', async () => {
    const { code } = await createCommandLine().run(['create', '💧'.repeat(32_000), '-n'], { env: LAB });
    expect(code).toBe(0);
  });
});

describe('a request', () => {
  it('is checked completely before anything is sent, and all problems are reported', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'not-an-image'), 'text');
    const { code, stdout, stderr } = await sora.run(
      [
        ...['create', '', ...SORA_2, '-d', '-3', '-r', '2160p', '-a', '5:4', '--quality', 'best', '-i', 'not-an-image'],
        ...['--param', 'nonsense', '--count', '0', '--timeout', 'soon', '--max-cost', 'much', '--variant', 'gif'],
        ...['--character', 'a', '--character', 'b', '--character', 'c'],
      ],
      { env: LAB },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatchInlineSnapshot(`
      "error: invalid request
        - the variant \`gif\` is not one of video, thumbnail, spritesheet
        - \`--timeout soon\` is not a duration, such as 90s, 30m or 2h
        - \`--count 0\` is not a whole number from 1 to 100
        - \`--max-cost much\` is not an amount in dollars, such as 2.50
        - the reference image not-an-image is not a jpeg, png or webp file
        - the prompt is empty
        - the duration \`-3\` is not a positive number of seconds
        - the resolution \`2160p\` is not one of 480p, 720p, 1024p or 1080p
        - the aspect ratio \`5:4\` is not one of 16:9, 9:16, 4:3 or 1:1
        - the quality \`best\` is not one of standard or high
        - sora-2 accepts at most 2 characters, not 3
        - the parameter \`nonsense\` is not of the form key=value

      hint: run \`sora create --help\` to see what each option accepts
      "
    `);
  });

  it.each([
    [
      'a length that the model does not render, with --exact',
      ['-d', '5', '--exact'],
      'sora-2 renders 4, 8, 12, 16 or 20 seconds, not 5',
    ],
    ['a square', ['-a', '1:1'], 'sora-2 does not render 720p square; its sizes are'],
    ['a size and a ratio', ['--size', '1280x720', '-a', '9:16'], '`--size` cannot be combined'],
    ['a missing image', ['-i', 'nope.png'], 'could not read the reference image: ENOENT'],
    ['an image that is a folder', ['-i', '.'], 'could not read the reference image: it is a folder, not a file'],
  ])('is refused for %s', async (_, argv, words) => {
    const given = argv.includes('--size') ? [] : SORA_2;
    const result = await createCommandLine().run(['create', 'a boat', '--json', ...given, ...argv], { env: LAB });
    expect(result.code).toBe(2);
    expect(violationsOf(result)).toEqual([expect.stringContaining(words)]);
  });

  it('is refused for a reference image of another size, with the required size', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'small.png'), createPngHeader(640, 480));
    const { code, stderr } = await sora.run(['create', 'a boat', ...SORA_2, '-i', 'small.png', '--json'], { env: LAB });
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 2, error: 'reference_size_mismatch' });
    expect(stderr).toContain('the reference image is 640x480, the video 1280x720');
  });
});

describe('the output', () => {
  it.each([
    ['a file that exists', ['-o', 'taken.mp4'], 2, 'file_exists'],
    [
      'a file beside it that exists',
      ['-o', 'other.mp4', '--variant', 'video', '--variant', 'thumbnail'],
      2,
      'file_exists',
    ],
    ['a file in place of a folder', ['-o', 'taken.mp4/clip.mp4'], 1, 'cannot_write'],
    ['a name that no file can have', ['-o', `${'x'.repeat(252)}.mp4`, '-d', '0'], 2, 'invalid_request'],
    ['one name for several videos', ['-o', 'clip.mp4', '--count', '2'], 2, 'invalid_request'],
    ['standard output for several videos', ['-o', '-', '--count', '2'], 2, 'invalid_request'],
  ])('is checked before paying: %s', async (_, argv, exitCode, error) => {
    const { sora, server, create } = await setUp();
    writeFileSync(join(sora.cwd, 'taken.mp4'), 'precious');
    writeFileSync(join(sora.cwd, 'other.webp'), 'precious');
    const { code, stderr } = await create(['--json', ...argv]);
    expect({ code, error: JSON.parse(stderr).error.code, calls: server.requests.length }).toEqual({
      code: exitCode,
      error,
      calls: 0,
    });
    expect(readFileSync(join(sora.cwd, 'taken.mp4'), 'utf8')).toBe('precious');
  });

  it.each(['taken.mp4/clip.mp4', 'taken.mp4/'])('may not have a file as a folder: %s', async (output) => {
    const { sora, create } = await setUp();
    writeFileSync(join(sora.cwd, 'taken.mp4'), 'precious');
    expect((await create(['-o', output])).stderr).toContain(
      '\nhint: choose another place with `-o` or `SORA_HOME`: a part',
    );
  });

  it.each([
    ['a file that exists', 'taken.mp4', 'the output file already exists: '],
    ['a file in place of a folder', 'taken.mp4/clip.mp4', 'could not write '],
  ])('is reported with the other problems of a request: %s', async (_, output, words) => {
    const { sora, create } = await setUp();
    writeFileSync(join(sora.cwd, 'taken.mp4'), 'precious');
    const result = await create(['-d', '100', '-o', output, '--json']);
    expect(result.code).toBe(2);
    expect(violationsOf(result)).toEqual([expect.stringContaining('100'), expect.stringContaining(words)]);
  });

  it('gets no folder for a request with problems', async () => {
    const { sora, create } = await setUp();
    expect((await create(['-d', '100', '-o', 'new/clip.mp4'])).code).toBe(2);
    expect(existsSync(join(sora.cwd, 'new'))).toBe(false);
  });

  it('may be overwritten with --force, be a folder, or be omitted', async () => {
    const { sora, create } = await setUp();
    mkdirSync(join(sora.cwd, 'out'));
    writeFileSync(join(sora.cwd, 'taken.mp4'), 'old');
    expect((await create(['-o', 'taken.mp4', '--force'])).stdout).toBe('taken.mp4\n');
    expect((await create(['-o', 'out'])).stdout).toBe(`${join('out', 'a-paper-boat-2.mp4')}\n`);
    expect((await create(['--no-download'])).stdout).toBe('video_3\n');
  });
});

describe('money', () => {
  const FIVE = ['-m', 'sora-2-pro', '-r', '1080p', '-d', '8'];

  interface Case {
    readonly argv?: readonly string[];
    readonly settings?: Readonly<Record<string, string>>;
    readonly code: number;
    readonly words?: string;
  }

  it.each<[string, Case]>([
    ['a price below the threshold needs no confirmation', { code: 0 }],
    [
      'a price above it is refused without a terminal',
      { argv: FIVE, code: 7, words: 'this would cost $5.60; above $1.00 it needs confirmation' },
    ],
    ['--yes approves any price', { argv: [...FIVE, '--yes'], code: 0 }],
    ['--max-cost approves prices up to its amount', { argv: [...FIVE, '--max-cost', '6'], code: 0 }],
    [
      '--max-cost is enforced',
      {
        argv: [...FIVE, '--max-cost', '5'],
        code: 7,
        words: 'this would cost $5.60, more than the cap of $5.00 (--max-cost)',
      },
    ],
    [
      '--max-cost covers all copies together',
      { argv: ['--count', '3', '--max-cost', '1'], code: 7, words: 'this would cost $1.20' },
    ],
    [
      'a parameter that asks for several videos multiplies the price',
      { argv: ['--param', 'n=10', '--max-cost', '0.40'], code: 7, words: 'this would cost $4.00, more than the cap' },
    ],
    [
      'so does a parameter of the profile',
      {
        settings: { 'profiles.lab.base_url': 'LAB', 'profiles.lab.defaults.params.num_outputs': '4' },
        argv: ['--profile', 'lab', '--max-cost', '0.40'],
        code: 7,
        words: '`num_outputs`: the server may make 4 videos, and the price is for all of them',
      },
    ],
    [
      'a parameter that makes the price unknown prevents a cap',
      { argv: ['--param', 'n=lots', '--max-cost', '5'], code: 7, words: 'the price is unknown' },
    ],
    [
      'a parameter cannot set the length or size of a known model',
      { argv: ['--param', 'num_frames=900'], code: 2, words: 'use `--duration` and `--size`' },
    ],
    [
      'the hint over a cap raises it and does not suggest --yes',
      {
        argv: [...FIVE, '--max-cost', '5'],
        code: 7,
        words: '\n\nhint: add `--max-cost 5.60` to raise the cap for this command\nhint: run `sora config list`',
      },
    ],
    [
      'so does the hint over the cap in the settings',
      {
        settings: { max_cost: '0.30' },
        code: 7,
        words: '\n\nhint: add `--max-cost 0.40` to raise the cap for this command\n',
      },
    ],
    ['--yes does not lift a cap', { argv: [...FIVE, '--max-cost', '5', '--yes'], code: 7 }],
    ['max_cost is enforced', { settings: { max_cost: '0.30' }, code: 7, words: 'the cap of $0.30 (settings)' }],
    ['--max-cost overrides max_cost', { settings: { max_cost: '0.30' }, argv: ['--max-cost', '0.40'], code: 0 }],
    ['confirm_above moves the threshold', { settings: { confirm_above: '10' }, argv: FIVE, code: 0 }],
    [
      'an unknown price cannot be capped',
      {
        argv: ['-m', 'wan', '--max-cost', '5'],
        code: 7,
        words: 'the price is unknown, so the cap of $5.00 (--max-cost) cannot be enforced',
      },
    ],
    ['an unknown price on this machine needs no confirmation', { argv: ['-m', 'wan'], code: 0 }],
    [
      'max_cost_per_day is enforced',
      { settings: { max_cost_per_day: '0.30' }, code: 7, words: 'to $0.40, over its cap of $0.30' },
    ],
    [
      'max_cost_per_day covers all copies together',
      {
        settings: { max_cost_per_day: '1' },
        argv: ['--count', '3', '--yes'],
        code: 7,
        words: 'to $1.20, over its cap of $1.00',
      },
    ],
    [
      'so does max_cost_per_day_per_user',
      {
        settings: { max_cost_per_day_per_user: '1' },
        argv: ['--count', '3', '--yes'],
        code: 7,
        words: 'UTC) to $1.20, over its cap of $1.00',
      },
    ],
    [
      'the simulator is free',
      {
        argv: [...FIVE, '--simulate', '--max-cost', '0.01'],
        settings: { max_cost: '0', max_cost_per_day: '0' },
        code: 0,
      },
    ],
  ])('%s', async (_, { argv = [], settings = {}, code, words = '' }) => {
    const { sora, server, create } = await setUp();
    for (const [name, value] of Object.entries(settings)) {
      await sora.run(['config', 'set', name, value === 'LAB' ? server.url : value]);
    }
    const result = await create(['--detach', ...argv]);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(words);
    if (code !== 0) expect(server.posts).toBe(0);
  });

  it('max_cost_per_day counts the day’s entries in the ledger, but not the simulator', async () => {
    const { sora, server, run } = await setUp();
    await sora.run(['config', 'set', 'max_cost_per_day', '0.80']);
    await sora.run(['create', 'free', '--detach', '--simulate']);
    const codes: number[] = [];
    for (const prompt of ['one', 'two', 'three']) codes.push((await run('create', prompt, ...SORA_2, '--detach')).code);
    expect(codes).toEqual([0, 0, 7]);
    sora.clock.advance(24 * 3_600_000);
    expect((await run('create', 'three', ...SORA_2, '--detach')).code).toBe(0);
    expect(server.posts).toBe(3);
  });
});

describe('--env-file', () => {
  it('is read only when named, and is overridden by the environment', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, '.env'), 'SORA_BASE_URL=http://of-the-file/v1\nSORA_MODEL=of-the-file\n');
    const get = async (name: string, argv: readonly string[], env = {}) =>
      (await sora.run(['config', 'get', name, ...argv], { env })).stdout.trim();
    expect(await get('base_url', [])).toBe('https://api.openai.com/v1');
    expect(await get('base_url', ['--env-file', '.env'])).toBe('http://of-the-file/v1');
    expect(await get('model', ['--env-file', '.env'], { SORA_MODEL: 'mine' })).toBe('mine');
  });

  it('is a usage error when it cannot be read', async () => {
    const { code, stderr } = await createCommandLine().run(['list', '--env-file', 'nope']);
    expect(code).toBe(2);
    expect(stderr).toContain('could not read the environment file');
  });
});

describe('a missing key', () => {
  it('is reported before anything is sent to OpenAI', async () => {
    const { code, stderr } = await createCommandLine().run(['create', 'a boat']);
    expect(code).toBe(4);
    expect(stderr).toMatchInlineSnapshot(`
      "error: no API key for this server

      hint: set \`OPENAI_API_KEY\` in the environment
      hint: run \`sora config key set --profile openai\` to store one
      hint: run \`sora init\` to set up another server
      hint: add \`--simulate\` to continue without a key, free and offline
      "
    `);
  });

  it.each(['status', 'download', 'cancel', 'delete'])('is reported by `%s` too', async (command) => {
    const { code, stderr } = await createCommandLine().run([command, 'video_1', '--json']);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 4, error: 'no_api_key' });
  });
});
