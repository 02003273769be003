import type { Configuration } from '../configuration/configuration.ts';
import { type Capability, lackOf } from '../domain/capabilities.ts';
import type { Variant } from '../domain/video.ts';

/** What is wanted of a video and its server lacks by its profile's word: told with all other faults, before anything is paid. */
export function lackingFaults(
  { lacks, profile }: Configuration,
  variants: readonly Variant[],
  characters: readonly string[],
): string[] {
  const wanted: Capability[] = variants.filter((variant) => variant !== 'video');
  if (characters.length > 0) wanted.push('characters');
  return wanted
    .filter((capability) => lacks.has(capability))
    .map((capability) => lackOf(capability, profile.value).title);
}
