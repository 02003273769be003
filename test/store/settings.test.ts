import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SETTINGS, settingFault } from '../../src/store/setting-specs.ts';
import { readSettings, writeSettings } from '../../src/store/settings.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

function createFile(text: string): string {
  const path = join(createTemporaryFolder(), 'settings.json');
  writeFileSync(path, text);
  return path;
}

describe('settings', () => {
  it('are flattened to dotted names', () => {
    const path = createFile('{"model": "wan", "profiles": {"lab": {"base_url": "http://x/v1", "query": {"v": 2}}}}');
    expect([...readSettings(path)]).toEqual([
      ['model', 'wan'],
      ['profiles.lab.base_url', 'http://x/v1'],
      ['profiles.lab.query.v', '2'],
    ]);
  });

  it.each([
    ['a missing file', undefined],
    ['an empty file', ''],
    ['an empty object', '{}'],
  ])('are empty for %s', (_, text) => {
    const path = text === undefined ? join(createTemporaryFolder(), 'settings.json') : createFile(text);
    expect(readSettings(path).size).toBe(0);
  });

  it('may start with a byte order mark', () => {
    expect([...readSettings(createFile('\ufeff{"model": "wan"}'))]).toEqual([['model', 'wan']]);
  });

  it.each<[string, string, RegExp]>([
    ['an unquoted word', '{\n  "model": wan,\n  "profile": "lab"\n}\n', /^line 2: Unexpected token 'w'$/],
    ['a short file', '{\n  "a": x\n}', /^line 2: Unexpected token 'x'$/],
    ['a missing comma', '{\n  "model": "wan"\n  "profile": "lab"\n}\n', /^line 3: /],
    ['a missing end', '{\n  "model":\n', /^line 2: /],
  ])('are refused with the line of the error: %s', (_, text, violation) => {
    expect(() => readSettings(createFile(text))).toThrow(
      expect.objectContaining({ code: 'invalid_config', violations: [expect.stringMatching(violation)] }),
    );
  });

  it('cannot be read from a folder, or below a file', () => {
    const path = join(createTemporaryFolder(), 'settings.json');
    mkdirSync(path);
    expect(() => readSettings(path)).toThrow(
      expect.objectContaining({ code: 'invalid_config', hints: [`move ${path} away`] }),
    );
    expect(() => readSettings('/dev/null/.config/sora/settings.json')).toThrow(
      expect.objectContaining({ hints: ['set `SORA_HOME` to a writable folder instead of /dev/null/.config/sora'] }),
    );
  });

  it('keep other values when written, even unknown ones', async () => {
    const path = createFile('{"from_tomorrow": {"a": [1]}, "profiles": {"lab": {"auth": "none"}}}');
    await writeSettings(path, [['profiles.lab.base_url', 'http://x/v1']]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      from_tomorrow: { a: [1] },
      profiles: { lab: { auth: 'none', base_url: 'http://x/v1' } },
    });
    await writeSettings(path, [['profiles.lab.auth', undefined]]);
    await writeSettings(path, [['profiles.lab.base_url', undefined]]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ from_tomorrow: { a: [1] } });
  });

  it('keep dots in a model name', async () => {
    const path = createFile('{}');
    await writeSettings(path, [['profiles.lab.prices.wan2.2@1280x720', '0.05']]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      profiles: { lab: { prices: { 'wan2.2@1280x720': '0.05' } } },
    });
    expect([...readSettings(path)]).toEqual([['profiles.lab.prices.wan2.2@1280x720', '0.05']]);
    await writeSettings(path, [['profiles.lab.prices.wan2.2@1280x720', undefined]]);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({});
  });

  it.each([
    ['max_cost', '2.50', null],
    ['max_cost', '-1', 'it is not an amount in dollars, such as 2.50'],
    ['timeout', '90s', null],
    ['timeout', '0', 'it is not a duration, such as 90s, 30m or 2h'],
    ['profiles.lab.auth', 'api-key', null],
    ['profiles.lab.auth', 'basic', 'it is not one of bearer, api-key, none'],
    ['profiles.lab.model', '', 'it is empty'],
    ['profiles.lab.headers.X-Note', 'é\tok', null],
    ['profiles.lab.headers.X-Note', '', 'it is empty'],
    ['profiles.lab.headers.X-Note', 'two\nlines', 'it contains characters not allowed in a header'],
    ['profiles.lab.organization', '“org”', 'it contains characters not allowed in a header'],
    ['profiles.la b.model', 'x', 'there is no such setting'],
    ['profiles.lab.prices.wan2.2', '0.05', null],
    ['profiles.lab.prices.Wan-AI/Wan2.2@1280x720', '0', null],
    [
      'profiles.lab.prices.wan2.2',
      'cheap',
      'it is neither `free` nor an amount in dollars per second, such as 0.05, of at most 1000',
    ],
    [
      'profiles.lab.prices.wan2.2',
      '1000.01',
      'it is neither `free` nor an amount in dollars per second, such as 0.05, of at most 1000',
    ],
    ['profiles.lab.prices.', '1', 'there is no such setting; did you mean `profiles.lab.price`?'],
    ['profiles.lab.prices', '1', 'there is no such setting; did you mean `profiles.lab.price`?'],
    ['profiles.lab', 'x', 'there is no such setting; did you mean `profiles.lab.base_url`?'],
    ['profiles.constructor.model', 'x', 'there is no such setting'],
    ['profiles.lab.headers.constructor', 'x', null],
    ['profiles.lab.query.__proto__', 'x', null],
    ['nope', 'x', 'there is no such setting'],
  ])('are validated: %s = %j', (name, value, fault) => {
    expect(settingFault(name, value)).toBe(fault);
  });

  it('have a summary each', () => {
    for (const { summary } of SETTINGS) expect(summary).toMatch(/^(?:[a-z]|OpenAI|URL ).*[^.]$/);
  });
});

it('are all kept when set concurrently', async () => {
  const path = join(createTemporaryFolder(), 'settings.json');
  const names = Array.from({ length: 12 }, (_, number) => `profiles.p${number}.base_url`);
  await Promise.all(names.map((name) => writeSettings(path, [[name, 'http://127.0.0.1:1/v1']])));
  expect([...readSettings(path).keys()].sort()).toEqual(names.toSorted());
});
