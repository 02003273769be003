import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { option } from '../../app/option-values.ts';
import { usableAddress } from '../../configuration/chosen-server.ts';
import { SoraError } from '../../domain/errors.ts';
import { findPreset, PRESET_NAMES, type Preset } from '../../domain/presets.ts';
import { pipeVariable, shellWord } from '../../domain/shell.ts';
import { confirm } from '../../output/prompt.ts';
import { Interrupt } from '../../platform/host.ts';
import { writeKey } from '../../store/keys.ts';
import { writeSettings } from '../../store/settings.ts';
import { doctorCommand } from '../doctor/doctor.ts';
import { changesFor, nextSteps, proposedName } from './new-profile.ts';
import { askPreset, askProfile, builtInProfile, type QuestionDeps } from './profile-questions.ts';

type InitDeps = QuestionDeps & Pick<Context, 'isInteractive' | 'paths' | 'output' | 'forgetSettings' | 'withProfile'>;

export const initCommand = defineCommand({
  name: 'init',
  description:
    'Sets up a server interactively: kind, base URL, key, model (offered from the server’s list), whether it is free, and profile name. Nothing is stored before the last answer. Then `doctor` checks the result and decides the exit code. Without a terminal it prints the equivalent commands.',
  options: {
    preset: option('--preset <name>', `kind of server: ${PRESET_NAMES.join(', ')} (default: ask)`),
  },
  json: 'none: --json disables prompts',
  errors: ['usage', 'invalid_config', 'cannot_write'],
  examples: [
    ['sora init', 'the first thing to run'],
    ['sora init --preset vllm-omni --base-url http://10.0.0.7:8000/v1', 'with two answers given in advance'],
  ],
  async run({ options }, context: InitDeps) {
    const given = options.preset === undefined ? null : presetNamed(options.preset);
    if (!context.isInteractive) throw noTerminal(given, context);
    const { preset, profile, key, isDefault } = await askAll(given, context);

    const { paths, output } = context;
    await writeSettings(paths.settings, changesFor(profile, isDefault));
    if (key !== null) await writeKey(paths.keys, profile.name, key);
    context.forgetSettings();
    const notes = [...nextSteps(profile, preset, context), ...howToUse(profile.name, isDefault, context)];
    for (const note of notes) output.note(note);
    return doctorCommand.run({ args: [], options: {} }, context.withProfile(profile.name));
  },
});

/** An interrupt before the last answer stores nothing, and says so. */
async function askAll(given: Preset | null, deps: QuestionDeps) {
  try {
    const preset = given ?? (await askPreset(deps));
    const { profile, key } = await askProfile(preset, deps);
    return { preset, profile, key, isDefault: await wantsAsDefault(profile.name, deps) };
  } catch (cause) {
    if (!(cause instanceof Interrupt)) throw cause;
    const title = 'interrupted; nothing was stored';
    throw new SoraError('interrupted', { title, hints: ['run `sora init` to start again'], cause });
  }
}

function presetNamed(name: string): Preset {
  const preset = findPreset(name);
  if (preset !== undefined) return preset;
  throw new SoraError('usage', {
    title: `there is no preset \`${name}\``,
    hints: [`choose one of ${PRESET_NAMES.join(', ')}`],
  });
}

/** The equivalent commands, for copying. */
function noTerminal(preset: Preset | null, deps: QuestionDeps): SoraError {
  const builtIn = preset && builtInProfile(preset, deps);
  const profile = builtIn ?? proposedName(preset, deps);
  const { baseUrl } = deps.options;
  const address = baseUrl ? usableAddress(baseUrl) : (preset?.baseUrl ?? 'http://127.0.0.1:8000/v1');
  const kind = preset === null ? '' : ` --preset ${preset.name}`;
  const wantsKey = preset === null || preset.keyVariable !== null;
  return new SoraError('usage', {
    title: 'the set-up asks questions, and there is no terminal to ask',
    hints: [
      builtIn === null
        ? `run \`sora config profile add ${shellWord(profile)}${kind} --base-url ${shellWord(address)} --use\` instead`
        : `run \`sora config profile use ${builtIn}\` instead`,
      ...(wantsKey
        ? [
            `run \`${pipeVariable('MY_KEY', deps.host.platform)} sora config key set --profile ${shellWord(profile)}\` to store its key`,
          ]
        : []),
      `run \`sora doctor --profile ${shellWord(builtIn ?? profile)}\` to check the result`,
    ],
  });
}

/** The first profile becomes the default; for another one, the user decides. */
async function wantsAsDefault(name: string, { settings, host }: QuestionDeps): Promise<boolean> {
  const current = settings.get('profile');
  if (current === undefined || current === name) return true;
  return confirm(`Make ${name} the default profile instead of ${current}?`, host);
}

/** Variables that take precedence over the default profile. */
const STRONGER = ['SORA_PROFILE', 'SORA_BASE_URL', 'OPENAI_BASE_URL'];

function howToUse(name: string, isDefault: boolean, { env }: QuestionDeps): string[] {
  const stronger = STRONGER.find((variable) => env[variable] && env[variable] !== name);
  if (!isDefault) return [`use it with \`--profile ${name}\``];
  return stronger === undefined
    ? []
    : [`${stronger} is set and takes precedence: use the profile with \`--profile ${name}\``];
}
