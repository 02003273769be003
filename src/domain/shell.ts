import { replaceInvisible } from './invisible.ts';

/** Text that POSIX shells, PowerShell and cmd read the same way in double quotes, with backslashes as in `C:\Films\boat.mp4`. */
const ALIKE = /^(?:[^"$`%!\\]|\\(?=[\w.]))*$/;

/** Needs no quotes in any of them: a comma separates values in PowerShell, and an `@` at the start names some. */
const BARE = /^[\w./:%+=-][\w./:@%+=-]*$/;

/**
 * A text as one word of a command to copy, quoted for all shells if possible, otherwise for POSIX shells. Invisible
 * characters become escapes.
 */
export function shellWord(text: string): string {
  if (replaceInvisible(text, () => '') !== text) return `$'${escapeForShell(text)}'`;
  if (BARE.test(text)) return text;
  return ALIKE.test(text) ? `"${text}"` : `'${text.replace(/'/g, `'\\''`)}'`;
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

/** What sets an environment variable, in a POSIX shell or in PowerShell. */
export function setVariable(name: string, value: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? `$env:${name} = "${value}"` : `export ${name}=${value}`;
}

/** The start of a pipe that passes a variable to a command, in a POSIX shell or in PowerShell. */
export function pipeVariable(name: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? `$env:${name} |` : `printenv ${name} |`;
}
