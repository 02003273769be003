/** A person’s home folder. `node:os` knows it too, and is slow to load. */
export function homeDirOf(env: Readonly<Record<string, string | undefined>>): string {
  return env.HOME ?? env.USERPROFILE ?? '.';
}
