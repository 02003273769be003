import { replaceFile, statsOf } from '../platform/files.ts';
import { changeOwnFile, invalidFile, readJsonFile } from './json-file.ts';

/** The stored keys, by profile. */
export type Keys = Readonly<Record<string, string>>;

export function readKeys(path: string): Keys {
  const { value } = readJsonFile(path);
  const entries = Object.entries(value).map(([profile, key]): [string, string] => {
    if (typeof key !== 'string') throw invalidFile(path, [`the key of \`${profile}\` is not a string`]);
    return [profile, key];
  });
  return Object.fromEntries(entries);
}

/** Stores a profile’s key, or removes it with `undefined`; the file is readable by its owner only. */
export function writeKey(path: string, profile: string, key: string | undefined): Promise<void> {
  return changeOwnFile(path, async () => {
    const { [profile]: _, ...others } = readKeys(path);
    const keys = key === undefined ? others : { ...others, [profile]: key };
    await replaceFile(path, `${JSON.stringify(keys, null, 2)}\n`);
  });
}

/** The problem of a key that was typed or piped in, or null. */
export function keyFault(key: string): string | null {
  if (key === '') return 'the key is empty';
  if (/^bearer\s/i.test(key)) return 'the key begins with `Bearer `, which `sora` adds itself';
  if (isQuoted(key)) return 'the key is in quotes';
  if (/[^\u0021-\u007e]/.test(key)) return 'the key contains spaces or characters not allowed in a header';
  return null;
}

function isQuoted(key: string): boolean {
  return /^(["'`]).*\1$|^[\u2018-\u201f].*[\u2018-\u201f]$/.test(key);
}

/** Why a valid key is probably a mistake, or null. Private servers accept any word. */
export function keyDoubt(key: string, isOpenAi: boolean): string | null {
  if (/^\$|^%.*%$/.test(key)) return 'it looks like the name of a variable';
  if (/^<.*>$|your[-_ ]?(own[-_ ]?)?(openai[-_ ]?)?(api[-_ ]?)?key|\.\.\.|x{6}/i.test(key))
    return 'it looks like a placeholder';
  if (/^(bearer|key)[:=]/i.test(key)) return 'it contains more than the key';
  return isOpenAi && !/^sk-.{16}/.test(key) ? 'OpenAI’s keys begin with `sk-` and are longer' : null;
}

/** Whether users other than the owner can read the file. */
export function isExposed(path: string, platform: NodeJS.Platform): boolean {
  if (platform === 'win32') return false;
  const mode = statsOf(path)?.mode ?? 0;
  return (mode & 0o077) !== 0;
}

/** A masked key: its first and last few characters, if enough of it stays hidden. */
export function maskKey(key: string): string {
  return key.length < 16 ? '…' : `${key.slice(0, 3)}…${key.slice(-4)}`;
}
