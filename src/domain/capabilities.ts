/**
 * What a server may be unable to do, by the name of its setting, in words that follow “cannot”. What a profile says to
 * be missing is never asked for.
 */
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

/** What is told where a server lacks something by its profile’s own word. */
export function lackOf(capability: Capability, profile: string): { readonly title: string; readonly hint: string } {
  return {
    title: `the server of profile ${profile} cannot ${CAPABILITIES[capability]}, as its settings say`,
    hint: `run \`sora config set profiles.${profile}.capabilities.${capability} yes\` if it can by now`,
  };
}
