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
