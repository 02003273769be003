import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { checkProfile } from '../../configuration/chosen-server.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { isSecretSetting } from '../../configuration/endpoint.ts';
import type { Sourced } from '../../configuration/sources.ts';
import { DIALECTS } from '../../domain/dialect.ts';
import { SoraError } from '../../domain/errors.ts';
import { plainUsd } from '../../domain/money.ts';
import { nearest } from '../../domain/nearest.ts';
import { SIMULATOR_PROFILE } from '../../domain/profile-names.ts';
import { canBeHidden } from '../../domain/redact.ts';
import { pipeVariable } from '../../domain/shell.ts';
import { readStream } from '../../jobs/input-file.ts';
import { cleanText } from '../../output/clean-text.ts';
import { askSecret } from '../../output/prompt.ts';
import { withoutSecrets } from '../../store/connection.ts';
import { keyFault, maskKey, readKeys, writeKey } from '../../store/keys.ts';
import { isSetting, SETTINGS, settingsLike } from '../../store/setting-specs.ts';
import { writeSettings } from '../../store/settings.ts';

interface Row {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

type ValueDeps = Pick<Context, 'configuration' | 'settings'>;

/** The values in effect, followed by the settings of the profiles. */
function rowsOf({ configuration, settings }: ValueDeps): Row[] {
  const inForce = describeConfiguration(configuration);
  const named = new Set(inForce.map(({ name }) => name));
  const others = [...settings]
    .filter(([name]) => !named.has(name))
    .map(([name, value]) => ({ name, value: shownValue(name, value), origin: 'settings' }));
  return [...inForce, ...others];
}

/** Name, value and origin of every value in effect, keys masked. */
function describeConfiguration(configuration: Configuration): { name: string; value: string; origin: string }[] {
  const { profile, baseUrl, key, model, organization, project } = configuration;
  const row = (
    name: string,
    sourced: Sourced<string | number> | null,
    show: (value: string | number) => string = String,
  ) =>
    sourced === null
      ? { name, value: '', origin: 'not set' }
      : {
          name,
          value: show(sourced.value),
          origin: sourced.isFromFile ? `${sourced.origin} (--env-file)` : sourced.origin,
        };
  const dollars = (micros: string | number): string => plainUsd(Number(micros));
  const seconds = (ms: string | number): string => `${Number(ms) / 1000}s`;
  return [
    row('profile', profile),
    row('base_url', baseUrl),
    row('dialect', { ...configuration.dialect, value: DIALECTS[configuration.dialect.value].name }),
    row('api_key', key && { ...key, value: maskKey(key.value) }),
    row('model', model),
    row('organization', organization),
    row('project', project),
    row('max_cost', configuration.maxCostMicros, dollars),
    row('max_cost_per_day', configuration.maxCostPerDay, dollars),
    row('max_cost_per_day_per_user', configuration.maxCostPerDayPerUser, dollars),
    row('user', configuration.user),
    row(
      'ledger',
      configuration.ledger && { ...configuration.ledger, value: withoutSecrets(configuration.ledger.value) },
    ),
    row('confirm_above', configuration.confirmAboveMicros, dollars),
    row('timeout', configuration.timeoutMs, seconds),
    row('request_timeout', configuration.requestTimeoutMs, seconds),
  ];
}

/** A setting's value, masked where it is a secret. */
function shownValue(name: string, value: string): string {
  return isSecretSetting(name) ? maskKey(value) : value;
}

export const configListCommand = defineCommand({
  name: 'config list',
  description: 'Shows every value in effect, and where it comes from. Keys are masked.',
  json: '{"settings":[{"name","value","origin"}]}',
  errors: ['invalid_config'],
  examples: [
    ['sora config list', 'server, key and caps in effect'],
    ['sora config list --profile lab --json', 'the same for another profile, for a script'],
  ],
  async run(_, deps: ValueDeps & Pick<Context, 'output'>) {
    const rows = rowsOf(deps);
    if (deps.configuration.ledger !== null) {
      deps.output.note('run `sora ledger caps` to see the caps of the team, which are in the shared ledger');
    }
    return {
      answer: {
        data: { settings: rows },
        view: {
          head: ['NAME', 'VALUE', 'ORIGIN'],
          rows: rows.map(({ name, value, origin }) => [name, value, origin]),
          flexible: 'VALUE',
          losesMiddle: () => true,
          optional: ['ORIGIN'],
        },
      },
    };
  },
});

export const configGetCommand = defineCommand({
  name: 'config get',
  description: 'Prints one value in effect; an empty line if it is not set.',
  arguments: [{ form: '<name>', summary: 'a name from `sora config list`' }],
  json: '{"name","value","origin"}',
  errors: ['invalid_config'],
  examples: [
    ['sora config get base_url', 'the base URL in use'],
    ['sora config get max_cost --json', 'a cap and where it comes from'],
  ],
  async run({ args: [name = ''] }, deps: ValueDeps) {
    const row = rowsOf(deps).find((candidate) => candidate.name === name);
    if (row === undefined && !isSetting(name)) throw unknownSetting(name);
    const { value, origin } = row ?? { value: '', origin: 'not set' };
    return {
      answer: { data: { name, value: value === '' ? null : value, origin }, view: () => `${cleanText(value)}\n` },
    };
  },
});

export const configSetCommand = defineCommand({
  name: 'config set',
  description: 'Stores a setting. In the names below, * stands for a name of your choice.',
  table: SETTINGS.map(({ name, summary }) => [name.replace('**', '*'), summary] as const),
  arguments: [
    { form: '<name>', summary: 'name of the setting' },
    { form: '<value>', summary: 'its value' },
  ],
  json: '{"name","value"}',
  errors: ['invalid_config', 'cannot_write'],
  examples: [
    ['sora config set profiles.lab.base_url http://127.0.0.1:8000/v1', 'define the profile lab'],
    ['sora config set max_cost_per_day 20', 'spend at most $20 a day'],
  ],
  async run({ args: [name = '', value = ''] }, deps: Pick<Context, 'paths' | 'settings'>) {
    // Broken settings are read only where that is needed: another one may be the fix.
    if (name === 'profile') checkProfile(value, deps.settings);
    await writeSettings(deps.paths.settings, [[name, value]]);
    return { answer: { data: { name, value: shownValue(name, value) }, view: () => '' } };
  },
});

export const configUnsetCommand = defineCommand({
  name: 'config unset',
  description: 'Removes a setting, so that its default applies again.',
  arguments: [{ form: '<name>', summary: 'name of the setting' }],
  json: '{"name","value":null}',
  errors: ['invalid_config', 'cannot_write'],
  examples: [
    ['sora config unset max_cost', 'remove the cap for commands'],
    ['sora config unset profiles.lab.model', 'let the profile use the default model'],
  ],
  async run({ args: [name = ''] }, { paths }: Pick<Context, 'paths'>) {
    await writeSettings(paths.settings, [[name, undefined]]);
    return { answer: { data: { name, value: null }, view: () => '' } };
  },
});

export const configPathCommand = defineCommand({
  name: 'config path',
  description: 'Prints the paths of the settings, the keys, the ledger and the simulator’s jobs.',
  json: '{"settings","keys","ledger","ledger_index","simulator"}',
  errors: [],
  examples: [
    ['sora config path', 'all paths'],
    ['sora config path --json', 'the same, for a script'],
  ],
  async run(_, { paths }: Pick<Context, 'paths'>) {
    const { settings, keys, ledger, ledgerIndex, simulatorDir } = paths;
    const data = { settings, keys, ledger, ledger_index: ledgerIndex, simulator: simulatorDir };
    return { answer: { data, view: { head: ['WHAT', 'PATH'], rows: Object.entries(data) } } };
  },
});

type KeyDeps = Pick<Context, 'configuration' | 'options' | 'env' | 'settings' | 'output' | 'paths'>;

export const configKeySetCommand = defineCommand({
  name: 'config key set',
  description:
    'Stores the API key of a profile, from a hidden prompt or standard input, in a file that only you can read.',
  json: '{"profile","key"}',
  errors: ['usage', 'cannot_write'],
  examples: [
    ['sora config key set', 'type the key in a hidden prompt'],
    ['pass show lab | sora config key set --profile lab', 'from a password manager'],
  ],
  async run(_, deps: KeyDeps & Pick<Context, 'host' | 'isInteractive'>) {
    const { output, paths } = deps;
    const profile = keyProfile(deps);
    const key = await readKey(profile, deps);
    const fault = keyFault(key);
    if (fault !== null) throw new SoraError('usage', { title: 'the key was not stored', violations: [fault] });
    output.secrets.add(key);
    await writeKey(paths.keys, profile, key);
    output.note(`the key of profile ${profile} is stored in ${paths.keys}`);
    if (!canBeHidden(key)) output.note('this key is too short to be hidden where a server repeats it');
    return { answer: { data: { profile, key: maskKey(key) }, view: () => '' } };
  },
});

export const configKeyRemoveCommand = defineCommand({
  name: 'config key remove',
  description: 'Removes the stored key of a profile.',
  json: '{"profile","removed"}',
  errors: ['cannot_write'],
  examples: [
    ['sora config key remove', 'remove the key of the profile in use'],
    ['sora config key remove --profile lab', 'remove the key of another profile'],
  ],
  async run(_, deps: KeyDeps) {
    const { output, paths } = deps;
    const profile = keyProfile(deps);
    const removed = Object.hasOwn(readKeys(paths.keys), profile);
    if (removed) await writeKey(paths.keys, profile, undefined);
    else output.note(`no key is stored for profile ${profile}`);
    return { answer: { data: { profile, removed }, view: () => '' } };
  },
});

/** Keys are stored per profile, whatever server the environment selects. */
function keyProfile({ configuration, options, env, settings }: KeyDeps): string {
  const name = options.profile ?? env.SORA_PROFILE ?? settings.get('profile') ?? 'openai';
  if (name === SIMULATOR_PROFILE || configuration.isSimulator) {
    throw new SoraError('usage', {
      title: 'the simulator needs no key',
      hints: ['name another profile with `--profile`'],
    });
  }
  return name;
}

async function readKey(
  profile: string,
  { host, isInteractive }: Pick<Context, 'host' | 'isInteractive'>,
): Promise<string> {
  const { stdin } = host;
  if (isInteractive) return askSecret(`Key for profile ${profile}:`, host);
  if (stdin.isTTY) {
    throw new SoraError('usage', {
      title: 'there is no terminal to ask for the key',
      hints: [`pipe it in: \`${pipeVariable('MY_KEY', host.platform)} sora config key set\``],
    });
  }
  return new TextDecoder().decode(await readStream(stdin, host.interrupt)).trim();
}

function unknownSetting(name: string): SoraError {
  return new SoraError('invalid_config', {
    title: `there is no setting \`${name}\``,
    hints: [
      ...nearest(name, settingsLike(name)).map((near) => `did you mean \`${near}\`?`),
      'run `sora config list` to see all settings',
    ],
  });
}
