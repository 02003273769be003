import { posix, win32 } from 'node:path';

/** The maximum length of a name: bytes, or UTF-16 units on Windows. */
const MAX_NAME_LENGTH = 255;
const WINDOWS_DEVICES = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\.|$)/i;

/**
 * Why a typed path is not valid on a platform; null if it is. Does not look at the disk. `reserveBytes` is the length
 * of what is appended to the last name for a file beside it.
 */
export function pathFault(path: string, reserveBytes = 0, platform: NodeJS.Platform = process.platform): string | null {
  if (path.includes('\0')) return 'it contains a null character';
  const isWindows = platform === 'win32';
  const { root } = (isWindows ? win32 : posix).parse(path);
  if (isWindows && /^[a-z]:$/i.test(root)) return `\`${root}\` names a drive; write \`${root}\\\` for its top folder`;
  const names = path.slice(root.length).split(isWindows ? /[/\\]+/ : /\/+/);
  const last = names.findLastIndex((name) => name !== '');
  for (const [at, name] of names.entries()) {
    const fault = nameFault(name, at === last ? reserveBytes : 0, isWindows);
    if (fault !== null) return fault;
  }
  return null;
}

function nameFault(name: string, reserveBytes: number, isWindows: boolean): string | null {
  const length = (isWindows ? name.length : Buffer.byteLength(name)) + reserveBytes;
  const unit = isWindows ? 'characters' : 'bytes';
  if (length > MAX_NAME_LENGTH) return `the name is too long (${length} of at most ${MAX_NAME_LENGTH} ${unit})`;
  if (!isWindows || name === '.' || name === '..') return null;
  const [character] = /[<>:"|?*\x00-\x1f]/.exec(name) ?? [];
  if (character !== undefined) return `Windows allows no \`${character}\` in a name`;
  if (/[. ]$/.test(name)) return 'Windows drops a dot or space at the end of a name';
  return WINDOWS_DEVICES.test(name.trimEnd()) ? `\`${name}\` names a device on Windows` : null;
}
