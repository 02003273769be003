import { replaceInvisible } from './invisible.ts';

/** A text as one word of a POSIX shell, quoted if needed; invisible characters become escapes of bash and zsh. */
export function shellWord(text: string): string {
  if (replaceInvisible(text, () => '') !== text) return `$'${escapeForShell(text)}'`;
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A command with an id, which a server can choose freely: one that looks like an option goes last, after `--`. */
export function commandAbout(id: string, command: string, options = ''): string {
  return id.startsWith('-') ? `${command}${options} -- ${shellWord(id)}` : `${command} ${shellWord(id)}${options}`;
}

/** A text escaped for double quotes, in which variables may appear too. */
export function shellQuoted(text: string): string {
  return text.replace(/[\\"$`]/g, '\\$&');
}

/** The inside of `$'…'`, with invisible characters escaped byte by byte. */
function escapeForShell(text: string): string {
  return replaceInvisible(text.replace(/[\\']/g, '\\$&'), (character) =>
    Buffer.from(character).toString('hex').replace(/../g, '\\x$&'),
  );
}
