import { isAbsolute } from 'node:path';

/** The user’s home folder; null if the environment's value is empty or relative and the system knows none. */
export function homeDirOf(env: Readonly<Record<string, string | undefined>>): string | null {
  const named = env.HOME ?? env.USERPROFILE ?? systemHomeDir();
  return named !== undefined && isAbsolute(named) ? named : null;
}

/** For a service without `HOME`. `node:os` is slow to load. */
function systemHomeDir(): string | undefined {
  try {
    return process.getBuiltinModule('node:os').userInfo().homedir;
  } catch {
    return undefined;
  }
}
