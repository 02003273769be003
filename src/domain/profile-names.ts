/** The built-in default profile: OpenAI. */
export const DEFAULT_PROFILE = 'openai';
/** The name for a `--base-url` that belongs to no profile. */
export const CUSTOM_PROFILE = 'custom';
/** The built-in profile of the simulator, and its address, which no network knows. */
export const SIMULATOR_PROFILE = 'simulator';
export const SIMULATOR_BASE_URL = 'http://simulator.invalid/v1';

/** Whether every object inherits a member of this name (`__proto__`, …), so it cannot name a profile. */
export function isReservedName(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}
