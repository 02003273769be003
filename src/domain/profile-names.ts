import type { Facts } from './hints.ts';

/** The built-in default profile: OpenAI. */
export const DEFAULT_PROFILE = 'openai';
/** The name for a `--base-url` that belongs to no profile. */
export const CUSTOM_PROFILE = 'custom';

/** Facts for hints: the profile to store a key for, and whether it ignores the environment's keys. */
export function keyFacts(profile: string | null): Facts {
  const storedFor = profile === CUSTOM_PROFILE ? null : profile;
  return { stored_for: storedFor, own_profile: storedFor === DEFAULT_PROFILE ? null : storedFor };
}

/** Whether every object inherits a member of this name (`__proto__`, …), so it cannot name a profile. */
export function isReservedName(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}
