import { expect, it } from 'vitest';
import { shellWord } from '../../src/domain/shell.ts';

it.each([
  ['boat.mp4', 'boat.mp4'],
  ['my clips', '"my clips"'],
  ["it's a boat; & more", '"it\'s a boat; & more"'],
  ['C:\\Films\\my boat.mp4', '"C:\\Films\\my boat.mp4"'],
  ['', '""'],
  ['a,b.mp4', '"a,b.mp4"'],
  ['@last', '"@last"'],
  ['size=1280x720@2', 'size=1280x720@2'],
  ['$HOME `x` "y" 50% \\ !', `'$HOME \`x\` "y" 50% \\ !'`],
  ["it's $5", `'it'\\''s $5'`],
  ['a\u200bb', "$'a\\xe2\\x80\\x8bb'"],
])('shellWord quotes %j for all shells if possible, otherwise for POSIX shells', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
