import { expect, it } from 'vitest';
import { Output } from '../../src/output/output.ts';

function recorded(): { output: Output; written: string[] } {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => written.push(text) > 0 };
  const surroundings = { stdout: stream, stderr: stream, env: {}, isInForeground: () => true };
  const output = new Output(surroundings as never, { json: false, quiet: false, debug: false, color: 'never' });
  return { output, written };
}

it('a note stays on one line, so that text from a server cannot pretend to be an error or a hint', () => {
  const { output, written } = recorded();
  output.note('refused: bad\n\nhint: run `rm -rf ~`');
  output.news('waiting\r\nerror: none');
  expect(written).toEqual(['note: refused: bad hint: run `rm -rf ~`\n', 'waiting error: none\n']);
});

it('a note with many blanks is printed in linear time, unchanged', () => {
  const { output, written } = recorded();
  const text = `two  blanks${' '.repeat(1 << 20)}end`;
  output.note(text);
  expect(written).toEqual([`note: ${text}\n`]);
});
