import { isAbsolute, join } from 'node:path';
import { attempt } from './attempt.ts';

/** The user’s home folder; null if the environment's value is empty or relative and the system knows none. */
export function homeDirOf(env: Readonly<Record<string, string | undefined>>): string | null {
  // A service may have no `HOME`; `node:os` is slow to load.
  const ofUser = (): string => process.getBuiltinModule('node:os').userInfo().homedir;
  const named = env.HOME ?? env.USERPROFILE ?? attempt(ofUser);
  return named !== undefined && isAbsolute(named) ? named : null;
}

/** The environment with the user’s login, which containers and some services do not set. */
export function withLogin(env: Readonly<NodeJS.ProcessEnv>): Readonly<NodeJS.ProcessEnv> {
  if (env.USER || env.LOGNAME || env.USERNAME) return env;
  return { ...env, LOGNAME: attempt(() => process.getBuiltinModule('node:os').userInfo().username) };
}

/** A path with its leading `~/` expanded, which shells leave alone in quotes and after `=` or `@`. */
export function expandTilde(path: string, homeDir: string | null): string {
  return homeDir !== null && /^~[\\/]/.test(path) ? join(homeDir, path.slice(2)) : path;
}
