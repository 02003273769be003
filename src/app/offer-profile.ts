import { confirm } from '../output/prompt.ts';
import { writeSetting } from '../store/settings.ts';
import { CUSTOM_PROFILE, profileNames } from './configuration.ts';
import type { Context } from './context.ts';

/** Offers to keep a server that was named by its address as a profile, so that its name is enough from now on. */
export async function offerProfile(context: Context): Promise<void> {
  const { configuration, host, output, settings, paths } = context;
  if (configuration.profile.value !== CUSTOM_PROFILE) return;
  const baseUrl = configuration.baseUrl.value;
  const name = freeName(new URL(baseUrl).hostname, profileNames(settings));
  const command = `sora config set profiles.${name}.base_url ${baseUrl}`;
  if (!context.isInteractive) {
    output.note(`run \`${command}\` to keep this server as profile ${name}`);
    return;
  }
  if (!(await confirm(`Keep this server as profile ${name}?`, host))) return;
  await writeSetting(paths.settings, `profiles.${name}.base_url`, baseUrl);
  output.note(`kept; use it with \`--profile ${name}\``);
}

function freeName(hostname: string, taken: readonly string[]): string {
  const stem = hostname.replace(/[^\w-]+/g, '-').replace(/^-+|-+$/g, '') || 'server';
  for (let number = 1; ; number++) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    if (!taken.includes(name)) return name;
  }
}
