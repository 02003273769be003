import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { ROW_FIELDS, rowSchema } from '../../src/batch/row-fields.ts';
import { readRow } from '../../src/batch/row-reader.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import { createCommandLine } from '../support/command-line.ts';

const isValid = new Ajv2020({ allowUnionTypes: true }).compile<JsonValue>(rowSchema());

const FULL = {
  id: 'boat',
  prompt: 'a paper boat',
  duration: 8,
  model: 'sora-2-pro',
  resolution: '1080p',
  aspect_ratio: '9:16',
  orientation: 'portrait',
  size: '1280x720',
  quality: 'high',
  image: 'boat.png',
  last_frame: 'end.png',
  reference: ['style.png', 'walk.mp4'],
  character: ['char_1', 'char_2'],
  param: { seed: 42, nested: { deep: [true, null] } },
  exact: true,
  output: 'boat.mp4',
  variant: ['video', 'thumbnail'],
  count: 3,
};

describe('the row schema', () => {
  it('is printed by `sora batch --schema`, and covers every key', async () => {
    const sora = createCommandLine();
    const { code, stdout, stderr } = await sora.run(['batch', '--schema']);
    expect({ code, stderr, schema: JSON.parse(stdout) }).toEqual({ code: 0, stderr: '', schema: rowSchema() });
    expect((await sora.run(['batch', '--schema', '--json'])).json()).toEqual(rowSchema());
    const operations = ['remix', 'edit', 'extend'];
    expect(Object.keys(FULL)).toEqual(Object.keys(ROW_FIELDS).filter((key) => !operations.includes(key)));
  });

  it.each<[string, JsonValue]>([
    ['a prompt alone', 'a paper boat'],
    ['nothing but a prompt', { prompt: 'a paper boat' }],
    ['every key', FULL],
    ['a variation', { remix: 'video_1', prompt: 'x', count: 2 }],
    ['an extension with the prompt of its source', { id: 'b', extend: 'a', duration: 8, exact: true }],
    ['a duration as a string', { prompt: 'x', duration: '8s' }],
    ['a string in place of a list', { prompt: 'x', character: 'char_1', variant: 'thumbnail' }],
  ])('accepts %s, as the reader does', (_, row) => {
    expect(isValid(row)).toBe(true);
    const faults: string[] = [];
    readRow(row, 1, faults, {});
    expect(faults).toEqual([]);
  });

  it.each<[string, JsonValue]>([
    ['a number', 42],
    ['a list', ['a paper boat']],
    ['no prompt', { duration: 8 }],
    ['an unknown key', { prompt: 'x', colour: 'red' }],
    ['a prompt that is not a string', { prompt: 5 }],
    ['a flag that is a string', { prompt: 'x', exact: 'maybe' }],
    ['a count of zero', { prompt: 'x', count: 0 }],
    ['a count above the limit', { prompt: 'x', count: 101 }],
    ['a fractional count', { prompt: 'x', count: 1.5 }],
    ['characters that are not strings', { prompt: 'x', character: [1] }],
    ['parameters without names', { prompt: 'x', param: 7 }],
  ])('rejects %s, as the reader does', (_, row) => {
    expect(isValid(row)).toBe(false);
    const faults: string[] = [];
    readRow(row, 1, faults, {});
    expect(faults).not.toEqual([]);
  });

  it.each<[string, JsonValue]>([
    ['resolution', '8k'],
    ['aspect_ratio', '2:1'],
    ['orientation', 'up'],
    ['quality', 'best'],
    ['variant', ['gif']],
  ])('rejects an unknown value of `%s`', (key, value) => {
    expect(isValid({ prompt: 'x', [key]: value })).toBe(false);
  });
});
