/** What may precede a joiner: emoji, and the scripts that need joiners in words. */
const JOINED =
  '\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\ufe0f\\p{Script=Arabic}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Malayalam}\\p{Script=Sinhala}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Khmer}\\p{Mn}';

/** Matches most text; the full check is fifty times slower and takes two milliseconds to set up. */
const PLAIN = /^[\t\n -~]*$/;

const SOURCE = [
  '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f]',
  '[\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufffb]',
  '[\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}]',
  `(?<![${JOINED}])[\\u200c\\u200d]`,
  '(?<!\\p{Emoji})[\\ufe0e\\ufe0f]',
].join('|');
let pattern: RegExp | undefined;

/**
 * Replaces characters that control a terminal or are invisible: C0 and C1 controls except newline and tab, direction
 * marks, soft hyphens, fillers, tags, and joiners and variation selectors without effect.
 */
export function replaceInvisible(text: string, replace: (character: string) => string): string {
  if (PLAIN.test(text)) return text;
  pattern ??= new RegExp(SOURCE, 'gu');
  return text.replace(pattern, replace);
}

/** JSON, or the inside of `$'…'` in a shell, with such characters escaped, so nothing is lost. */
export function escapeInvisible(text: string): string {
  return replaceInvisible(text, (character) =>
    Array.from({ length: character.length }, (_, at) => {
      const code = character.charCodeAt(at);
      return `\\u${code.toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}
