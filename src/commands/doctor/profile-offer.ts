import type { Context } from '../../app/context.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { CUSTOM_PROFILE } from '../../domain/profile-names.ts';
import { shellWord } from '../../domain/shell.ts';
import { confirm } from '../../output/prompt.ts';
import { writeSettings } from '../../store/settings.ts';
import { freeName } from '../config/new-profile.ts';

export type OfferDeps = Pick<Context, 'configuration' | 'host' | 'output' | 'settings' | 'paths' | 'isInteractive'>;

/** Settings of a profile, by the last part of their names. */
type ProfileSettings = Readonly<Record<string, string>>;

/** Offers to save what was found about a server in its profile; a server named by its base URL gets a new one. */
export async function offerProfile(found: ProfileSettings, deps: OfferDeps): Promise<void> {
  const { configuration, host, output, settings, paths } = deps;
  if (configuration.isSimulator) return;
  const isNew = configuration.profile.value === CUSTOM_PROFILE;
  const name = isNew ? freeName(new URL(configuration.baseUrl.value).hostname, settings) : configuration.profile.value;
  const wanted = { ...addressOf(configuration, isNew), ...found };
  const news = Object.entries(wanted)
    .map(([key, value]) => ({ key, value, setting: `profiles.${name}.${key}` }))
    .filter(({ setting, value }) => settings.get(setting) !== value);
  if (news.length === 0) return;

  if (!deps.isInteractive) {
    const commands = news.map(({ setting, value }) => `sora config set ${setting} ${shellWord(value)}`);
    output.note(`run \`${commands.join(' && ')}\` to save this in profile ${name}`);
    return;
  }
  const shown = news.map(({ key, value }) => `${key} ${value}`).join(', ');
  if (!(await confirm(`Save this in profile ${name}: ${shown}?`, host))) return;
  await writeSettings(
    paths.settings,
    news.map(({ setting, value }) => [setting, value]),
  );
  output.note(`saved; use it with \`--profile ${name}\``);
}

/** How to reach the server. A new profile needs the name of the key’s variable to send the key. */
function addressOf({ baseUrl, key }: Configuration, isNew: boolean): ProfileSettings {
  return {
    ...(/^(default|profile .*)$/.test(baseUrl.origin) ? {} : { base_url: baseUrl.value }),
    ...(isNew && key !== null ? { key_from_env: key.origin } : {}),
  };
}
