import type { Context } from '../../app/context.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import { isUnfilled, PRESETS, type Preset } from '../../domain/presets.ts';
import { DEFAULT_PROFILE, SIMULATOR_PROFILE } from '../../domain/profile-names.ts';
import { askSecret, askText, type Choice, choose, confirm } from '../../output/prompt.ts';
import { keyFault } from '../../store/keys.ts';
import { baseUrlFault, settingFault } from '../../store/setting-specs.ts';
import { examineServer } from '../doctor/examined-server.ts';
import { listedModels } from '../doctor/listed-models.ts';
import { type NewProfile, nameFault, placeholderFault, proposedName, startingSettings } from './new-profile.ts';

export type QuestionDeps = Pick<Context, 'host' | 'options' | 'env' | 'settings' | 'servers' | 'configurationFor'>;

/** The answers about a server. Nothing is stored yet. */
export interface AnsweredProfile {
  readonly profile: NewProfile;
  /** The key itself, if it was typed. */
  readonly key: string | null;
}

/** Asks which kind of server it is. */
export async function askPreset({ host }: Pick<Context, 'host'>): Promise<Preset> {
  const choices = PRESETS.map(({ name, title, advice }) => ({ value: name, name: title, description: advice }));
  const chosen = await choose('Which kind of server is it?', choices, 'custom', host);
  return PRESETS.find(({ name }) => name === chosen) as Preset; // the choices come from it
}

/** The built-in profile for a kind of server; null if one has to be created. */
export function builtInProfile(preset: Preset, { options }: Pick<Context, 'options'>): string | null {
  const isBuiltIn = preset.name === DEFAULT_PROFILE || preset.name === SIMULATOR_PROFILE;
  return isBuiltIn && options.baseUrl === undefined ? preset.name : null;
}

/** Asks for everything that the first video needs and the preset does not provide. */
export async function askProfile(preset: Preset, deps: QuestionDeps): Promise<AnsweredProfile> {
  const builtIn = builtInProfile(preset, deps);
  if (builtIn === SIMULATOR_PROFILE) return { profile: { name: builtIn, settings: {} }, key: null };
  const ofServer = builtIn === null ? await askServer(preset, deps) : {};
  const ofKey = preset.auth === 'none' ? NO_KEY : await askKey(preset, deps);
  const settings = { ...ofServer, ...ofKey.settings };
  const ofModel = builtIn === null ? await askModel(preset, { settings, key: ofKey.key }, deps) : {};
  const isFree =
    builtIn === null && preset.isOwn && (await confirm('Is the server your own, and free to use?', deps.host));
  const name = builtIn ?? (await askName(preset, deps));
  const profile = { name, settings: { ...settings, ...ofModel, ...(isFree ? { price: 'free' } : {}) } };
  return { profile, key: ofKey.key };
}

async function askServer(preset: Preset, { host, options }: QuestionDeps): Promise<Record<string, string>> {
  const { baseUrl = preset.baseUrl ?? undefined, dialect } = options;
  const address = await askText('Base URL (including /v1):', { value: baseUrl, fault: addressFault }, host);
  return {
    ...startingSettings(preset),
    base_url: address,
    ...(dialect === undefined ? {} : { dialect }),
  };
}

/** A longer list is too long to choose from. */
const MAX_CHOICES = 20;

/** Offers the listed models; without a list, or with too long a list, asks for the name. */
async function askModel(
  preset: Preset,
  answers: AnsweredKey,
  deps: QuestionDeps,
): Promise<Readonly<Record<string, string>>> {
  const { host } = deps;
  const listed = await modelsOf(preset, answers, deps);
  const text = (): Promise<string> => askText('Default model (optional):', { value: preset.model ?? undefined }, host);
  const choices = [...listed.map((name) => ({ value: name, name })), { value: '', name: 'none' }];
  const isShort = listed.length > 0 && listed.length <= MAX_CHOICES;
  const model = isShort ? await choose('Default model:', choices, listed[0] ?? '', host) : await text();
  return model === '' ? {} : { model };
}

/** Asks with the answers so far: nothing is stored yet. */
async function modelsOf(preset: Preset, { settings, key }: AnsweredKey, deps: QuestionDeps): Promise<string[]> {
  const { base_url: baseUrl, key_from_env: variable } = settings;
  const value = key ?? (variable && deps.env[variable]);
  const configuration: Configuration = {
    ...deps.configurationFor({ baseUrl }),
    key: value ? { value, origin: variable ?? 'typed' } : null,
    auth: preset.auth,
    organization: null,
    project: null,
  };
  const models = await listedModels(examineServer(configuration, deps)).catch(soraErrorOf);
  return models instanceof SoraError ? [] : models;
}

function addressFault(address: string): string | null {
  return isUnfilled(address) ? placeholderFault(address) : baseUrlFault(address);
}

type KeyPlace = 'variable' | 'typed' | 'none';

interface AnsweredKey {
  readonly settings: Readonly<Record<string, string>>;
  readonly key: string | null;
}

const NO_KEY: AnsweredKey = { settings: {}, key: null };

const KEY_PLACES: readonly Choice<KeyPlace>[] = [
  { value: 'typed', name: 'Enter it now', description: 'stored in a file that only you can read' },
  { value: 'variable', name: 'In an environment variable', description: 'read from there by every command' },
  { value: 'none', name: 'No key needed' },
];

async function askKey({ keyVariable }: Preset, { host, env }: QuestionDeps): Promise<AnsweredKey> {
  const isThere = keyVariable !== null && Boolean(env[keyVariable]);
  const likely = keyVariable === null ? 'none' : isThere ? 'variable' : 'typed';
  switch (await choose('Where is the API key?', KEY_PLACES, likely, host)) {
    case 'none':
      return NO_KEY;
    case 'typed':
      return { settings: {}, key: await askSecret('API key:', host, keyFault) };
    case 'variable': {
      const fault = (text: string): string | null => settingFault('profiles.x.key_from_env', text);
      const name = await askText('Environment variable:', { value: keyVariable ?? undefined, fault }, host);
      return { settings: { key_from_env: name }, key: null };
    }
  }
}

function askName(preset: Preset, deps: QuestionDeps): Promise<string> {
  const fault = (name: string): string | null => nameFault(name, deps.settings);
  return askText('Profile name:', { value: proposedName(preset, deps), fault }, deps.host);
}
