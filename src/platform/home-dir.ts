import { isAbsolute } from 'node:path';

/** A person’s home folder; null where the environment names one that is empty or relative, and the system knows none. */
export function homeDirOf(env: Readonly<Record<string, string | undefined>>): string | null {
  const named = env.HOME ?? env.USERPROFILE ?? systemHomeDir();
  return named !== undefined && isAbsolute(named) ? named : null;
}

/** Of a service without `HOME`. `node:os` is slow to load. */
function systemHomeDir(): string | undefined {
  try {
    return process.getBuiltinModule('node:os').userInfo().homedir;
  } catch {
    return undefined;
  }
}
