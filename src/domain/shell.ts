/** A text as one word of a POSIX shell, quoted where that is needed. */
export function shellWord(text: string): string {
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
