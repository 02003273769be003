/** What a server may be unable to do, by setting name, worded to follow “cannot”. */
export const CAPABILITIES = {
  list: 'list its videos',
  delete: 'delete videos',
  cancel: 'stop a running job',
  thumbnail: 'return thumbnails',
  spritesheet: 'return spritesheets',
  characters: 'use characters',
  image_url: 'use an image at a URL',
  remix: 'remix videos',
  edit: 'edit videos',
  extend: 'extend videos',
  batch: 'run server-side batches',
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as readonly Capability[]; // an object's keys are its own

/**
 * The setting by which a profile declares that its server's list has every job of the account, at once, on every replica:
 * a job missing from it was never created, so its create may be sent again. Only the simulator sets it by default.
 */
export const COMPLETE_LIST = 'complete_list';

/**
 * The setting by which a profile allows its server, which is not at a private address itself, to name files at private
 * addresses: otherwise its operator could make us read what only this machine and its network can reach.
 */
export const PRIVATE_FILES = 'private_files';
