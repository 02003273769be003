import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { formatOf, type ManifestFormat, readManifest } from '../../src/batch/manifest.ts';
import { ManifestReading } from '../../src/batch/manifest-reading.ts';
import type { ManifestRow, RowValues } from '../../src/batch/row-reader.ts';
import { readYaml } from '../../src/batch/yaml-manifest.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';

/** The values that each row gives. */
async function read(text: string, name: string, defaults: RowValues = {}): Promise<object[]> {
  const { rows, faults } = await readManifest(text, formatOf(name, text), defaults);
  expect(faults).toEqual([]);
  return rows.map(given);
}

function given({ options, ...row }: ManifestRow): object {
  const isGiven = ([, value]: [string, unknown]): boolean => value !== undefined && value !== null;
  return Object.fromEntries(Object.entries({ ...row, ...options }).filter(isGiven));
}

const prompts = (rows: readonly object[]): unknown[] => rows.map((row) => 'prompt' in row && row.prompt);

describe('readManifest', () => {
  it('reads JSON lines: objects, bare prompts, blank lines and comments', async () => {
    const text = [
      '# my shots',
      '',
      '{"id":"boat","prompt":"a boat","duration":8,"model":"sora-2-pro","exact":true,"count":2}',
      '  "a cat"  ',
      '{"prompt":"a dog","character":["char_1"],"param":{"seed":42,"mode":"fast"},"variant":"thumbnail"}',
    ].join('\n');
    expect(await read(text, 'shots.jsonl')).toEqual([
      { line: 3, id: 'boat', prompt: 'a boat', duration: '8', model: 'sora-2-pro', exact: true, count: 2 },
      { line: 4, prompt: 'a cat', count: 1 },
      {
        line: 5,
        prompt: 'a dog',
        characters: ['char_1'],
        params: ['seed=42', 'mode="fast"'],
        variants: ['thumbnail'],
        count: 1,
      },
    ]);
  });

  it('reads CSV: a header, multi-line cells, and parameters as columns', async () => {
    const text = [
      'ID,Prompt,Aspect Ratio,characters,param.seed,param,exact,count',
      'a,"a ""quoted"" prompt, with a comma",9:16,"char_1, char_2",42,mode=fast,TRUE,2',
      '',
      'b,"two',
      'lines",,,,,,',
      'c,a short row',
    ].join('\n');
    expect(await read(text, 'shots.csv')).toEqual([
      {
        line: 2,
        id: 'a',
        prompt: 'a "quoted" prompt, with a comma',
        aspectRatio: '9:16',
        characters: ['char_1', 'char_2'],
        params: ['seed=42', 'mode=fast'],
        exact: true,
        count: 2,
      },
      { line: 4, id: 'b', prompt: 'two\nlines', count: 1 },
      { line: 6, id: 'c', prompt: 'a short row', count: 1 },
    ]);
  });

  it('reads TSV with commas in its cells', async () => {
    expect(await read('prompt\tduration\na boat, a sea\t8\n', 'shots.tsv')).toEqual([
      { line: 2, prompt: 'a boat, a sea', duration: '8', count: 1 },
    ]);
  });

  it('reads semicolon-separated values as Excel writes them', async () => {
    const text = '\r\n"prompt";id;param.a,b\r\n"a boat; a sea, at ""dawn""";boat;1\r\n';
    const expected = [{ line: 3, prompt: 'a boat; a sea, at "dawn"', id: 'boat', params: ['a,b=1'], count: 1 }];
    expect(await read(text, 'shots.csv')).toEqual(expected);
    expect(formatOf('-', 'id;prompt\nboat;a boat')).toBe('csv');
  });

  it.each(['\n', '\r\n'])('numbers CSV lines ending in %j, and keeps line breaks in quotes', async (end) => {
    const lines = ['', 'id,prompt', 'a,"one', 'two', 'three"', '', 'b,four', 'c,"five', 'six"', 'd,seven', ''];
    const rows = await read(lines.join(end), 'shots.csv');
    expect(rows).toMatchObject([
      { line: 3, prompt: ['one', 'two', 'three'].join(end) },
      { line: 7 },
      { line: 8, prompt: `five${end}six` },
      { line: 10 },
    ]);
    const { faults } = await readManifest(`id,prompt${end}a,"one${end}two"x${end}b,"y"z${end}`, 'csv');
    expect(faults.map(({ line }) => line)).toEqual([3, 4]);
  });

  it.each([
    ['UTF-8', Buffer.from('\ufeff{"prompt":"@boat.txt"}\n')],
    ['UTF-16 LE', Buffer.from('\ufeff{"prompt":"@boat.txt"}\r\n', 'utf16le')],
    ['UTF-16 LE without a mark', Buffer.from('{"prompt":"@boat.txt"}\r\n', 'utf16le')],
    ['UTF-16 BE without a mark', Buffer.from('{"prompt":"@boat.txt"}\r\n', 'utf16le').swap16()],
    ['UTF-16 BE', Buffer.from('\ufeff{"prompt":"@boat.txt"}\r\n', 'utf16le').swap16()],
  ])('reads %s with a byte order mark, also in prompt files and from standard input', async (_, bytes) => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), bytes);
    writeFileSync(join(sora.cwd, 'boat.txt'), Buffer.from('\ufeffein Boot für zwei\r\n', 'utf16le'));
    const argv = ['batch', '--simulate', '--dry-run', '--json'];
    expect(await sora.run([...argv, 'shots.jsonl'])).toMatchObject({ code: 0 });
    const stdin = new PassThrough().end(bytes);
    expect(await sora.run([...argv, '-'], { stdin })).toMatchObject({ code: 0 });
    const preview = await sora.run(['create', '@boat.txt', '--simulate', '--dry-run', '--json']);
    expect(preview.stdout).toContain('"ein Boot für zwei"');
  });

  it.each([
    ['shots.jsonl', '{"prompt":"a boat"}\r{"prompt":"a cat"}\r'],
    ['shots.csv', 'prompt,duration\ra boat,4\r"a cat",8\r'],
    ['shots.csv', 'prompt,duration\r"a boat\non a pond",4\ra cat,8'],
    ['shots.yaml', 'jobs:\r- prompt: a boat\r- prompt: a cat\r'],
    ['shots.txt', 'a boat\ra cat\r'],
  ])('reads lines of %s that end in CR: %j', async (name, text) => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, name), text);
    const { stdout } = await sora.run(['batch', name, '--simulate', '--dry-run']);
    expect(stdout.match(/a (boat|cat)/g)).toEqual(['a boat', 'a cat']);
  });

  it('reads YAML: jobs with defaults, or a list of rows', async () => {
    const text = [
      'defaults: &all',
      '  duration: 8',
      '  size: 1280x720',
      '  param: { seed: 1 }',
      'jobs:',
      '  - a boat # with a comment',
      '  - prompt: |-',
      '      two',
      '      lines',
      '    resolution: 1080p',
      '    model: sora-2-pro',
      '    param: { seed: 2 }',
    ].join('\n');
    expect(await read(text, 'shots.yaml')).toEqual([
      { line: 6, prompt: 'a boat', duration: '8', size: '1280x720', params: ['seed=1'], count: 1 },
      {
        line: 7,
        prompt: 'two\nlines',
        duration: '8',
        resolution: '1080p',
        model: 'sora-2-pro',
        params: ['seed=2'],
        count: 1,
      },
    ]);
    expect(prompts(await read('- a boat\n- prompt: a cat\n', 'shots.yml'))).toEqual(['a boat', 'a cat']);
  });

  it('reads JSON like YAML', async () => {
    const text = JSON.stringify({ defaults: { seconds: 8 }, jobs: ['a boat', { prompt: 'a cat', seconds: 4 }] });
    expect(await read(text, 'shots.json')).toMatchObject([
      { prompt: 'a boat', duration: '8' },
      { prompt: 'a cat', duration: '4' },
    ]);
  });

  it('reads plain text: one prompt per line, and comments after `# `', async () => {
    expect(await read('# scenes\n\n a boat \n#sunset\n#\na cat, asleep', 'shots.txt')).toEqual([
      { line: 3, prompt: 'a boat', count: 1 },
      { line: 4, prompt: '#sunset', count: 1 },
      { line: 6, prompt: 'a cat, asleep', count: 1 },
    ]);
  });

  it('reads a Batch API file', async () => {
    const line = {
      custom_id: 'a',
      method: 'POST',
      url: '/v1/videos',
      body: {
        prompt: 'a boat',
        model: 'sora-2',
        seconds: '8',
        size: '1280x720',
        input_reference: { image_url: 'https://example.com/boat.png' },
        characters: [{ id: 'char_1' }],
        seed: 42,
      },
    };
    expect(await read(JSON.stringify(line), 'requests.jsonl')).toEqual([
      {
        line: 1,
        id: 'a',
        prompt: 'a boat',
        model: 'sora-2',
        duration: '8',
        size: '1280x720',
        image: 'https://example.com/boat.png',
        characters: ['char_1'],
        params: ['seed=42'],
        count: 1,
      },
    ]);
  });

  it.each([
    ['shots.jsonl', '{"prompt":"a boat"}\r\n\r\n"a cat"\r\n'],
    ['shots.csv', 'prompt,duration\r\na boat,\r\n\r\na cat,8\r\n'],
    ['mixed.csv', 'prompt,duration\r\na boat,\na cat,8\r\n'],
    ['shots.yaml', 'jobs:\r\n  - a boat\r\n  - prompt: a cat\r\n'],
    ['shots.txt', 'a boat\r\n\r\na cat\r\n'],
  ])('reads Windows line endings: %s', async (name, text) => {
    expect(prompts(await read(text, name))).toEqual(['a boat', 'a cat']);
  });

  it('ignores the empty cells that spreadsheets write at the end', async () => {
    const text = 'prompt,duration,,\na boat,4,,\n,,,\na cat,8,,,,\n';
    expect(prompts(await read(text, 'shots.csv'))).toEqual(['a boat', 'a cat']);
  });

  it('accepts the keys of the API, in any spelling', async () => {
    const [row] = await read(
      '{"custom_id":"a","prompt":"x","seconds":"8","aspectRatio":"9:16","Variants":["video"],"characters":"char_1","params":{}}',
      'a.jsonl',
    );
    expect(row).toMatchObject({
      id: 'a',
      duration: '8',
      aspectRatio: '9:16',
      variants: ['video'],
      characters: ['char_1'],
    });
  });
});

describe('values missing from a row', () => {
  const ofCommandLine: RowValues = {
    duration: '12',
    model: 'sora-2-pro',
    resolution: '1080p',
    orientation: 'portrait',
  };

  it('come from the file’s defaults, then from the command line', async () => {
    const text = 'defaults: { duration: 8 }\njobs:\n  - a boat\n  - { prompt: a cat, duration: 4, model: sora-2 }\n';
    expect(await read(text, 'a.yaml', ofCommandLine)).toMatchObject([
      { duration: '8', model: 'sora-2-pro', resolution: '1080p' },
      { duration: '4', model: 'sora-2', resolution: '1080p' },
    ]);
  });

  it('do not combine a size with a resolution or shape from elsewhere', async () => {
    const size = await read('{"prompt":"a","size":"1280x720"}', 'a.jsonl', ofCommandLine);
    expect(size).toEqual([{ line: 1, prompt: 'a', duration: '12', model: 'sora-2-pro', size: '1280x720', count: 1 }]);
    const parts = await read('{"prompt":"a","resolution":"720p"}', 'a.jsonl', { size: '1920x1080' });
    expect(parts).toEqual([{ line: 1, prompt: 'a', resolution: '720p', count: 1 }]);
    const defaults = await read('defaults: { resolution: 720p }\njobs: [a]', 'a.yaml', { size: '1920x1080' });
    expect(defaults).toEqual([{ line: 2, prompt: 'a', resolution: '720p', count: 1 }]);
  });
});

describe('a manifest that would take minutes', () => {
  const deep = (open: string): string => open.repeat(1_000_000);
  it.each<[what: string, name: string, text: string, fault: string]>([
    ['flow lists', 'a.yaml', deep('['), 'nested too deeply'],
    ['block lists', 'a.yaml', deep('- '), 'nested too deeply'],
    ['keys of keys', 'a.yaml', deep('? '), 'nested too deeply'],
    ['JSON in a row', 'a.jsonl', `{"prompt":"x","param":{"a":${deep('[')}${deep(']')}}}`, 'nested too deeply'],
    ['columns', 'a.csv', `prompt,${deep('x,')}\na`, 'more than 1,000,000 characters'],
    ['fewer columns', 'a.csv', `prompt${',x'.repeat(1_000)}\na`, 'has 1001 columns, more than 1000'],
    ['a quote without an end', 'a.csv', `prompt\n"${deep('x ')}`, 'more than 1,000,000 characters'],
  ])('is refused because of its %s', async (_, name, text, fault) => {
    const { faults } = await readManifest(text, formatOf(name, text));
    expect(faults.map(({ message }) => message)).toEqual([expect.stringContaining(fault)]);
  });

  it('with many broken rows is refused with the first hundred', async () => {
    const text = `prompt,duration\n${'"a"b,8\n'.repeat(50_000)}`;
    expect((await readManifest(text, 'csv')).faults).toHaveLength(100);
  });

  it('may have brackets in 1,000 prompts', async () => {
    const { rows } = await readManifest(`jobs:\n${'  - prompt: "at sea [:{"\n'.repeat(1_000)}`, 'yaml');
    expect(rows).toHaveLength(1_000);
  });
});

describe('formatOf without a known extension', () => {
  it.each([
    ['jsonl', '# shots\n{"prompt":"a"}'],
    ['jsonl', '"a prompt"'],
    ['csv', 'id,prompt,duration\n1,a,4'],
    ['csv', 'Prompt\tduration\na\t4'],
    ['yaml', 'defaults:\n  duration: 8\njobs: [a]'],
    ['yaml', '---\njobs: [a]'],
    ['yaml', '- a boat\n- a cat'],
    ['yaml', '- prompt: a boat'],
    ['yaml', '[{"prompt":"a boat"},\n "a cat"]'],
    ['yaml', '{\n  "jobs": ["a"]\n}'],
    ['yaml', '[\n  {"prompt":"a boat"},\n]'],
    ['yaml', "[{'prompt': 'a boat'}]"],
    ['jsonl', '"a boat, prompt, quick"'],
    ['jsonl', '{"id":1,"prompt":"a boat"'],
    ['csv', '"prompt","duration"\n"a boat","4"'],
    ['csv', '"prompt"\n"a boat"'],
    ['csv', 'prompt\na boat'],
    ['text', 'A boat, then a prompt\n'],
    ['text', '[slow] a boat'],
  ])('recognises %s in %j', (format, text) => {
    expect(formatOf('-', text)).toBe(format);
  });
});

describe('errors in a manifest', () => {
  /** The errors that `sora batch` reports for a manifest of the folder `manifests`. */
  async function faultsOf(name: string): Promise<string> {
    const sora = createCommandLine();
    cpSync(join(import.meta.dirname, 'manifests'), sora.cwd, { recursive: true });
    writeFileSync(join(sora.cwd, 'square.png'), createPngHeader(512, 512));
    const { code, stdout, stderr } = await sora.run(['batch', name, '--simulate']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return sora.plain(stderr);
  }

  it('in JSON lines are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty.jsonl')).toMatchInlineSnapshot(`
      "error: 37 errors in faulty.jsonl
        - line 3: this is not JSON
        - line 4: this is not JSON
        - line 5: a row is an object, or a prompt string
        - line 6: a row is an object, or a prompt string
        - line 7: the row has no \`prompt\`
        - line 8: \`promt\` is not a key of a row; did you mean \`prompt\`?
        - line 8: \`shots\` is not a key of a row; put other fields for the server into \`param\`
        - line 8: the row has no \`prompt\`
        - line 9: \`duration\` is given twice
        - line 10: \`prompt\` is not a string
        - line 10: \`model\` is not a string
        - line 10: \`character\` is neither a string nor a list of strings
        - line 10: \`param\` is neither a string nor a list of strings
        - line 10: \`exact\` is neither true nor false
        - line 10: \`variant\` is neither a string nor a list of strings
        - line 10: \`count\` is not a whole number from 1 to 100
        - line 11: the prompt is empty
        - line 12: could not read the prompt file: ENOENT: no such file or directory, open '/work/no-such-file.txt'
        - line 13: the duration \`soon\` is not a positive number of seconds
        - line 13: the resolution \`8k\` is not one of 480p, 720p, 1024p or 1080p
        - line 13: the aspect ratio \`2:1\` is not one of 16:9, 9:16, 4:3 or 1:1
        - line 13: the orientation \`up\` is not one of landscape, portrait or square
        - line 13: the quality \`best\` is not one of standard or high
        - line 14: \`--size\` cannot be combined with \`--resolution\`, \`--aspect-ratio\` or \`--orientation\`
        - line 15: sora-2 renders 4, 8, 12, 16 or 20 seconds, not 5, and \`--exact\` forbids rounding
        - line 16: the parameter \`seed\` is not of the form key=value
        - line 16: the parameter \`prompt\` has its own option: the prompt argument
        - line 17: \`a=b\` is not a valid parameter name
        - line 18: could not read the reference image: ENOENT: no such file or directory, open '/work/no-such-image.png'
        - line 19: the reference image faulty.txt is not a jpeg, png or webp file
        - line 20: the reference image is 512x512, the video 1280x720: sora-2 requires an image of exactly the video’s size
        - line 21: the variant \`gif\` is not one of video, thumbnail, spritesheet
        - line 23: the id \`twin\` is already used in line 22
        - line 25: the output \`./same.mp4\` is already used in line 24
        - line 26: \`output\` names one file, but \`count\` asks for several videos
        - line 27: \`colour\` is not a key of a row; put other fields for the server into \`param\`
        - line 27: the duration \`-1\` is not a positive number of seconds

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('in CSV and TSV are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty.csv')).toMatchInlineSnapshot(`
      "error: 9 errors in faulty.csv
        - line 1: the column \`Colour\` is not a key of a row
        - line 1: there are two columns for \`prompt\`
        - line 1: the column \`param.\` is not a key of a row; did you mean \`param\`?
        - line 4: it has 7 cells, but the header has 6; put quotes around a cell that contains a separator
        - line 6: the duration \`soon\` is not a positive number of seconds
        - line 7: \`count\` is not a whole number from 1 to 100
        - line 9: the row has no \`prompt\`
        - line 11: there is text between a closing quote and the next cell
        - line 12: the duration \`-1\` is not a positive number of seconds

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
    expect(await faultsOf('no-prompt.tsv')).toMatchInlineSnapshot(`
      "error: 2 errors in no-prompt.tsv
        - line 1: the header has no column \`prompt\`
        - line 2: the row has no \`prompt\`

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('in CSV name the number of a column without a name, such as the index of pandas', async () => {
    const { faults } = await readManifest(',prompt\n0,a boat\n', 'csv');
    expect(faults).toEqual([{ line: 1, message: 'column 1 has no name; name it, or remove it' }]);
  });

  it('in YAML are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty.yaml')).toMatchInlineSnapshot(`
      "error: 14 errors in faulty.yaml
        - line 2: \`fps\` is not a key of a row; put other fields for the server into \`param\`
        - line 4: \`shots\` is neither \`jobs\` nor \`defaults\`
        - line 6: the duration \`soon\` is not a positive number of seconds
        - line 7: \`count\` is not a whole number from 1 to 100
        - line 7: the duration \`soon\` is not a positive number of seconds
        - line 9: a row is an object, or a prompt string
        - line 10: a row is an object, or a prompt string
        - line 11: the row has no \`prompt\`
        - line 11: the duration \`soon\` is not a positive number of seconds
        - line 12: the duration \`soon\` is not a positive number of seconds
        - line 12: the size \`huge\` is not WIDTHxHEIGHT in pixels, for example 1280x720
        - line 16: the duration \`soon\` is not a positive number of seconds
        - line 17: the id \`twin\` is already used in line 16
        - line 17: the duration \`soon\` is not a positive number of seconds

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
    expect(await faultsOf('broken.yaml')).toMatchInlineSnapshot(`
      "error: 2 errors in broken.yaml
        - line 3: Map keys must be unique
        - line 4: Missing closing "quote

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
    expect(await faultsOf('bomb.yaml')).toMatchInlineSnapshot(`
      "error: 5 errors in bomb.yaml
        - line 1: \`a\` is neither \`jobs\` nor \`defaults\`
        - line 2: \`b\` is neither \`jobs\` nor \`defaults\`
        - line 3: \`c\` is neither \`jobs\` nor \`defaults\`
        - line 4: \`d\` is neither \`jobs\` nor \`defaults\`
        - line 6: too many aliases

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
    expect(await faultsOf('no-list.yaml')).toMatchInlineSnapshot(`
      "error: 1 error in no-list.yaml
        - line 1: \`jobs\` is not a list of rows

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('in JSON are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty.json')).toMatchInlineSnapshot(`
      "error: 3 errors in faulty.json
        - line 2: \`defaults\` is not an object
        - line 5: \`size\` is not a string
        - line 6: a row is an object, or a prompt string

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('are reported once when the manifest has too many rows', async () => {
    const { rows, faults } = await readManifest('a cat\n'.repeat(300_000), 'text');
    expect(rows.length).toBe(250_000);
    expect(faults).toEqual([{ line: 250_001, message: 'a manifest has at most 250,000 rows; split it' }]);
  });

  it('in plain text are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty.txt')).toMatchInlineSnapshot(`
      "error: 3 errors in faulty.txt
        - line 5: could not read the prompt file: ENOENT: no such file or directory, open '/work/no-such-prompt.txt'
        - line 6: this is JSON, not a prompt; use \`--format jsonl\`
        - line 7: this is JSON, not a prompt; use \`--format jsonl\`

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('in JSON of another shape name its cause, once', async () => {
    const causes = async (text: string, format: ManifestFormat) =>
      (await readManifest(text, format)).faults.map(({ message }) => message);
    expect(await causes("{'prompt': 'a “blue” boat'}", 'jsonl')).toEqual(['this is not JSON']);
    expect(await causes('{“prompt”: “a boat”}', 'jsonl')).toEqual(['this is not JSON: it has typographic quotes']);
    const pretty = ['this is not JSON: a row must be on one line, as `jq -c` writes it'];
    expect(await causes('{\n "prompt": "a “blue” boat"\n}', 'jsonl')).toEqual([
      ...pretty,
      'this is not JSON',
      'this is not JSON',
    ]);
    for (const [line = '', format] of [
      ['[', 'yaml'],
      ['[{"prompt":', 'yaml'],
      ['["a boat",', 'yaml'],
      ['{', 'jsonl'],
      ["{'prompt': 'a boat'}", 'jsonl'],
      ["['a boat',", 'yaml'],
    ])
      expect(await causes(`${line}\n[slow] a boat\n['80s style] a boat`, 'text')).toEqual([
        `this is JSON, not a prompt; use \`--format ${format}\``,
      ]);
  });

  it('in a Batch API file are all reported, with line numbers', async () => {
    expect(await faultsOf('faulty-batch-api.jsonl')).toMatchInlineSnapshot(`
      "error: 8 errors in faulty-batch-api.jsonl
        - line 2: \`method\` is "GET", not "POST"
        - line 2: \`url\` is "/v1/images", not "/v1/videos"
        - line 3: \`output\` is not a key of a Batch API line
        - line 4: \`input_reference\` has neither \`image_url\` nor \`file_id\`
        - line 5: \`characters\` is not a list of objects with an \`id\`
        - line 6: the row has no \`prompt\`
        - line 6: the id \`image\` is already used in line 4
        - line 6: the duration \`soon\` is not a positive number of seconds

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
  });

  it('are counted when many lines have the same one', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'scenes.txt'), 'a scene\n'.repeat(100_000)); // quadratic time is minutes
    const { stderr } = await sora.run(['batch', 'scenes.txt', '--duration', 'soon', '--dry-run']);
    expect(stderr).toContain(
      '\n  - line 1 and 99999 more: the duration `soon` is not a positive number of seconds\n\n',
    );
  });

  it('are counted after the first 50, and after the first 100 as JSON', async () => {
    const sora = createCommandLine();
    const lines = Array.from({ length: 1_000 }, (_, at) => `- prompt: a boat\n  wheels${at}: 4\n`);
    writeFileSync(join(sora.cwd, 'shots.yaml'), lines.join(''));
    const run = (...more: readonly string[]) => sora.run(['batch', 'shots.yaml', '--dry-run', ...more]);
    const { stderr } = await run();
    expect(stderr).toMatch(/^error: 1000 errors in shots\.yaml\n {2}- line 1: `wheels0` /);
    expect(stderr).toContain('\n  - … and 950 more\n\n');
    expect(stderr.split('\n')).toHaveLength(55);
    const { violations } = JSON.parse((await run('--json')).stderr).error;
    expect({ count: violations.length, last: violations.at(-1) }).toEqual({ count: 101, last: '… and 900 more' });
  });

  it('include an empty, binary or missing manifest', async () => {
    expect(await faultsOf('empty.jsonl')).toMatchInlineSnapshot(`
      "error: 1 error in empty.jsonl
        - line 1: the manifest has no rows

      hint: run \`sora batch --schema\` to see the format of a row
      "
    `);
    expect(await faultsOf('binary.jsonl')).toMatchInlineSnapshot(`
      "error: could not read the manifest binary.jsonl
        caused by: binary.jsonl is not text in UTF-8 or UTF-16; save it as UTF-8

      hint: check the path, or use \`-\` for standard input
      "
    `);
    expect(await faultsOf('no-such-manifest.jsonl')).toMatchInlineSnapshot(`
      "error: could not read the manifest no-such-manifest.jsonl
        caused by: ENOENT: no such file or directory, open '/work/no-such-manifest.jsonl'

      hint: check the path, or use \`-\` for standard input
      "
    `);
  });
});

it('with an error at each of many places of a line is read in linear time', () => {
  const reading = new ManifestReading({});
  const startedMs = performance.now();
  readYaml(`- prompt: ${'"'.repeat(200_000)}`, reading);
  expect(reading.faults.length).toBeGreaterThan(90_000);
  expect(performance.now() - startedMs).toBeLessThan(20_000); // quadratic time is a minute
});
