import { expect, it } from 'vitest';
import { createBoard } from '../../src/output/board.ts';
import { glyphsFor } from '../../src/output/glyphs.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A terminal that records its output. */
function createScreen(columns: number, rows = 24) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { written, columns, rows, isTTY: true, write };
}

it('a board aligns columns, shortens lines, clears lines wrapped by a resize, and prints notes above itself', async () => {
  const clock = createFakeClock({ isManual: true });
  const screen = createScreen(80);
  const lines = ['a      queued', `b      ${'x'.repeat(90)}`];
  const board = await createBoard(
    { stream: screen as never, isColored: false, glyphs: glyphsFor({}), isInForeground: () => true },
    clock,
    () => lines,
  );
  expect(screen.written.join('')).toContain(`a      queued\nb      ${'x'.repeat(71)}…\n`);

  screen.written.length = 0;
  screen.columns = 40;
  board.write('note: news\n');
  const shown = screen.written.join('');
  expect(shown).toMatch(/^\u001b\[3A\r\u001b\[J/); // one line, and one that now wraps to two
  expect(shown.indexOf('note: news')).toBeLessThan(shown.indexOf('a      queued'));
  expect(shown).toContain(`b      ${'x'.repeat(31)}…\n`);
  await board.stop();
});

it('a board works on a terminal that reports no size', async () => {
  const screen = createScreen(0, 0);
  const board = await createBoard(
    { stream: screen as never, isColored: false, glyphs: glyphsFor({}), isInForeground: () => true },
    createFakeClock({ isManual: true }),
    (room) => [`room for ${room}`],
  );
  expect(screen.written.join('')).toContain('room for 23\n');
  await board.stop();
});
