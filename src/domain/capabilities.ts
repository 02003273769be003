/** What a server may be unable to do, by the name of its setting, in words that follow “cannot”. */
export const CAPABILITIES = {
  list: 'list its videos',
  delete: 'delete videos',
  cancel: 'stop a running job',
  thumbnail: 'give a thumbnail',
  spritesheet: 'give a spritesheet',
  characters: 'take characters',
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as readonly Capability[]; // an object's keys are its own

/**
 * The setting by which a profile declares that its server's list has every job of the account, at once, on every replica:
 * what is not on it was never made, and may be sent again. Nothing sets it by itself but the simulator.
 */
export const COMPLETE_LIST = 'complete_list';
