/** A text as one word of a POSIX shell, quoted where that is needed. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A text as it stands between double quotes, where variables may stand beside it. */
export function shellQuoted(text: string): string {
  return text.replace(/[\\"$`]/g, '\\$&');
}
