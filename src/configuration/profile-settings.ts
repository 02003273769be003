import { findPreset, settingsOfPreset } from '../domain/presets.ts';
import type { Settings } from '../store/settings.ts';
import { group, type Sourced } from './sources.ts';

/**
 * The settings of a profile by the last parts of their names, with their origins: what its preset knows of the kind of
 * server, what was learnt of this one, and what was set, which wins.
 */
export function profileSettings(profile: string, settings: Settings): ReadonlyMap<string, Sourced<string>> {
  const prefix = `profiles.${profile}.`;
  const preset = findPreset(settings.get(`${prefix}preset`) ?? '');
  const learnt = group(settings, `${prefix}learnt.`);
  const set = Object.entries(group(settings, prefix)).filter(([name]) => !name.startsWith('learnt.'));
  const levels: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [`preset ${preset?.name}`, preset === undefined ? {} : settingsOfPreset(preset)],
    ['learnt', learnt],
    [`profile ${profile}`, Object.fromEntries(set)],
  ];
  return new Map(
    levels.flatMap(([origin, values]) =>
      Object.entries(values).map(([name, value]) => [name, { value, origin }] as const),
    ),
  );
}
