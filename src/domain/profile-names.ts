import type { Facts } from './hints.ts';

/** The built-in profile, in use when none is named: OpenAI itself. */
export const DEFAULT_PROFILE = 'openai';
/** Names the server of a `--base-url` that belongs to no profile. */
export const CUSTOM_PROFILE = 'custom';

/** For hints: the profile that a key can be stored for, and whether it is one that hears no key of the environment's. */
export function keyFacts(profile: string | null): Facts {
  const storedFor = profile === CUSTOM_PROFILE ? null : profile;
  return { stored_for: storedFor, own_profile: storedFor === DEFAULT_PROFILE ? null : storedFor };
}

/** Whether every object has a member of this name, so that no object of profiles could tell it from its own. */
export function isReservedName(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}
