import { existsSync } from 'node:fs';
import { profileNames } from '../configuration/chosen-server.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { DEFAULT_PROFILE } from '../domain/profile-names.ts';
import type { Context } from './context.ts';

/** The servers that are meant by “all”: the one in force, and those of all profiles that were ever set up. */
export function profilesInUse(context: Context): Configuration[] {
  const { configuration, settings } = context;
  const names = profileNames(settings).filter((name) => name !== configuration.profile.value);
  return [configuration, ...names.map((name) => context.configurationOf(name))].filter((candidate) =>
    isSetUp(candidate, context),
  );
}

/** The two built-in profiles are there for everybody, and mean nothing to most. */
function isSetUp(candidate: Configuration, { configuration, paths, env }: Context): boolean {
  const { profile, key, isSimulator } = candidate;
  if (isSimulator) return existsSync(paths.simulatorDir);
  if (profile.value !== DEFAULT_PROFILE) return true;
  // A key that stands beside another address in the environment is for that one.
  const isElsewheres = key !== null && Boolean(env[key.origin]) && Boolean(env.SORA_BASE_URL || env.OPENAI_BASE_URL);
  return key !== null && (candidate === configuration || !isElsewheres);
}
