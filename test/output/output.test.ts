import { expect, it } from 'vitest';
import { Output } from '../../src/output/output.ts';

it('a note stays on one line, so that text from a server cannot pretend to be an error or a hint', () => {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => written.push(text) > 0 };
  const surroundings = { stdout: stream, stderr: stream, env: {}, isInForeground: () => true };
  const output = new Output(surroundings as never, { json: false, quiet: false, debug: false, color: 'never' });
  output.note('refused: bad\n\nhint: run `rm -rf ~`');
  output.news('waiting\r\nerror: none');
  expect(written).toEqual(['note: refused: bad hint: run `rm -rf ~`\n', 'waiting error: none\n']);
});
