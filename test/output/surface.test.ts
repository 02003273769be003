import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ColorMode, createSurface } from '../../src/output/surface.ts';

type Env = Readonly<Record<string, string>>;

async function isColored(isTTY: boolean, env: Env, mode: ColorMode = 'auto'): Promise<boolean> {
  const { palette } = await createSurface(Object.assign(new PassThrough(), { isTTY }), env, mode);
  return palette.red('x') !== 'x';
}

describe('colour', () => {
  it.each<[string, boolean, boolean, Env, ColorMode]>([
    ['is shown on a terminal', true, true, {}, 'auto'],
    ['is not shown in a pipe', false, false, {}, 'auto'],
    ['honours NO_COLOR', false, true, { NO_COLOR: '1' }, 'auto'],
    ['ignores an empty NO_COLOR', true, true, { NO_COLOR: '' }, 'auto'],
    ['honours FORCE_COLOR', true, false, { FORCE_COLOR: '1' }, 'auto'],
    ['honours FORCE_COLOR=0', false, true, { FORCE_COLOR: '0' }, 'auto'],
    ['prefers NO_COLOR to FORCE_COLOR', false, true, { NO_COLOR: '1', FORCE_COLOR: '1' }, 'auto'],
    ['is not shown on a dumb terminal', false, true, { TERM: 'dumb' }, 'auto'],
    ['prefers --color always to everything', true, false, { NO_COLOR: '1', TERM: 'dumb' }, 'always'],
    ['prefers --color never to everything', false, true, { FORCE_COLOR: '1' }, 'never'],
  ])('%s', async (_, expected, isTTY, env, mode) => {
    expect(await isColored(isTTY, env, mode)).toBe(expected);
  });
});

it('a terminal without a width has 80 columns', async () => {
  const widths = [undefined, 0, 120].map(async (columns) => {
    const stream = Object.assign(new PassThrough(), { isTTY: true }, columns === undefined ? {} : { columns });
    return (await createSurface(stream, {}, 'never')).columns;
  });
  expect(await Promise.all(widths)).toEqual([80, 80, 120]);
});
