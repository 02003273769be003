import { replaceInvisible } from './invisible.ts';

/** A text as one word of a POSIX shell, quoted where that is needed; what nobody sees stands as escapes of bash and zsh. */
export function shellWord(text: string): string {
  if (replaceInvisible(text, () => '') !== text) return `$'${escapeForShell(text)}'`;
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A command about an id, which is whatever a server makes of it: one like an option stands behind `--`, at the end. */
export function commandAbout(id: string, command: string, options = ''): string {
  return id.startsWith('-') ? `${command}${options} -- ${shellWord(id)}` : `${command} ${shellWord(id)}${options}`;
}

/** A text as it stands between double quotes, where variables may stand beside it. */
export function shellQuoted(text: string): string {
  return text.replace(/[\\"$`]/g, '\\$&');
}

/** The inside of `$'…'`, with every byte of what is invisible. */
function escapeForShell(text: string): string {
  return replaceInvisible(text.replace(/[\\']/g, '\\$&'), (character) =>
    Buffer.from(character).toString('hex').replace(/../g, '\\x$&'),
  );
}
