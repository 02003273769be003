import { Context } from './app/context.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import { isValued, longFlag, type OptionSpec } from './app/option-values.ts';
import { COMMANDS, commandWords, findEntry, GROUPS } from './command-table.ts';
import { profileNames } from './configuration/chosen-server.ts';
import { ASPECT_RATIOS, KNOWN_MODELS, ORIENTATIONS, RESOLUTIONS } from './domain/models.ts';
import { PRESET_NAMES } from './domain/presets.ts';
import { idOrKey, isOfCharacter, isOfVideo, type JobRecord } from './domain/record.ts';
import { VARIANTS } from './domain/video.ts';
import { cleanLine } from './output/clean-text.ts';
import { Output } from './output/output.ts';
import type { Host } from './platform/host.ts';

type Candidates = readonly (readonly [value: string, about: string])[];

/** What may stand at the cursor, with an explanation; `files` lets the shell complete names of files. */
interface Completions {
  readonly candidates: Candidates;
  readonly files?: boolean;
}

const NOTHING: Completions = { candidates: [] };
const FILES: Completions = { candidates: [], files: true };
const RECENT = 20;
const ABOUT_COLUMNS = 50;
/** Of the protocol of the scripts: whether the shell completes names of files, where nothing else fits. */
const [WITH_FILES, WITHOUT_FILES] = [0, 4];

/**
 * Answers what the scripts of `sora completion` ask: the words of a command line, the last one unfinished. Prints a candidate
 * a line and a directive; never an error, since a shell is waiting for the next key.
 */
export async function complete(host: Host, words: readonly string[]): Promise<void> {
  const current = words.at(-1) ?? '';
  const [, flag, begun = ''] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  const prefix = flag === undefined ? current : begun;
  const { candidates, files = false } = await completionsAt(words.slice(0, -1), current, flag, host).catch(
    () => NOTHING,
  );
  const lines = candidates
    .filter(([value]) => value.startsWith(prefix) && value === cleanLine(value)) // a server may choose any id
    .map(([value, about]) => `${value}\t${cleanLine(about, ABOUT_COLUMNS)}\n`); // the shells themselves keep a `--option=`
  host.stdout.write(`${lines.join('')}:${files ? WITH_FILES : WITHOUT_FILES}\n`);
}

async function completionsAt(
  before: readonly string[],
  current: string,
  flag: string | undefined,
  host: Host,
): Promise<Completions> {
  if (before[0] === 'help') return { candidates: commandsAfter(before.slice(1)) };
  const entry = findEntry(before);
  const definition = await entry?.load();
  const options = Object.values({ ...GLOBAL_OPTIONS, ...definition?.options });
  const named = flag ?? before.at(-1) ?? '';
  const valued = options.find((spec) => isValued(spec, named));
  if (valued !== undefined) return valuesOf(valued, host);
  if (current.startsWith('-')) return { candidates: options.map((spec) => [longFlag(spec), spec.summary]) };
  const below = commandsAfter(commandWords(before));
  if (below.length > 0 || entry === undefined || definition === undefined) return { candidates: below };
  const at = commandWords(before).length - entry.name.split(' ').length;
  const form = (definition.arguments[at] ?? definition.arguments.at(-1))?.form ?? '';
  if (entry.name === 'character show') return { candidates: await recentIds(host, isOfCharacter) };
  if (form.startsWith('<submission')) return { candidates: await recentIds(host, ({ job }) => job === null) };
  if (entry.name === 'queue retry') return NOTHING; // ids of the queue, which only its database knows
  if (/^[<[]id/.test(form)) return { candidates: await jobs(host), files: form.includes('file') };
  if (form === '<name>' && entry.name.startsWith('config profile')) return { candidates: profiles(host) };
  if (form === '<shell>') return { candidates: unexplained(['bash', 'zsh', 'fish', 'powershell']) };
  if (form.startsWith('<name')) return { candidates: definition.table ?? [] };
  return form.includes('file') ? FILES : NOTHING;
}

function commandsAfter(words: readonly string[]): [string, string][] {
  const below = COMMANDS.filter(({ name }) => name.split(' ').length > words.length).filter(({ name }) =>
    words.every((word, at) => name.split(' ')[at] === word),
  );
  const next = below.map(({ name, summary }): [string, string] => {
    const path = name.split(' ');
    const group = GROUPS[path.slice(0, words.length + 1).join(' ')] ?? '';
    return [path[words.length] ?? '', path.length === words.length + 1 ? summary : group];
  });
  return [...new Map(next)];
}

/** The values of options by their long flags. */
const VALUES: Readonly<Record<string, (host: Host) => Candidates | Promise<Candidates>>> = {
  '--profile': profiles,
  '--model': models,
  '--preset': () => unexplained(PRESET_NAMES),
  '--resolution': () => unexplained(RESOLUTIONS),
  '--aspect-ratio': () => unexplained(ASPECT_RATIOS),
  '--orientation': () => unexplained(ORIENTATIONS),
  '--quality': () => unexplained(['standard', 'high']),
  '--variant': () => unexplained(VARIANTS),
  '--character': (host) => recentIds(host, isOfCharacter),
  '--from': jobs,
  '--fault': async () => unexplained((await import('./simulator/faults.ts')).FAULT_NAMES),
};

async function valuesOf(spec: OptionSpec, host: Host): Promise<Completions> {
  const { flags, choices } = spec;
  if (choices !== undefined) return { candidates: unexplained(choices) };
  const values = VALUES[longFlag(spec)];
  if (values !== undefined) return { candidates: await values(host) };
  return /<(file|dir)|\|file/.test(flags) ? FILES : NOTHING;
}

/** Candidates that need no explanation. */
function unexplained(names: readonly string[]): Candidates {
  return names.map((name) => [name, '']);
}

function contextOf(host: Host): Context {
  return new Context(host, {}, new Output(host, { json: false, quiet: true, debug: false, color: 'never' }));
}

/** The list of the server, where it is kept; else the models of OpenAI. */
function models(host: Host): Candidates {
  const listed = contextOf(host).configuration.modelList?.models;
  return listed?.map(({ id, name }) => [id, name ?? '']) ?? unexplained(KNOWN_MODELS.map(({ name }) => name));
}

function profiles(host: Host): Candidates {
  return unexplained(profileNames(contextOf(host).settings));
}

async function jobs(host: Host): Promise<Candidates> {
  return [['@last', 'the newest job'], ...(await recentIds(host, isOfVideo))];
}

async function recentIds(host: Host, isWanted: (record: JobRecord) => boolean): Promise<Candidates> {
  const { ledger } = contextOf(host);
  const records = await ledger.newest(
    RECENT,
    (record) => record.answer !== 'rejected' && !record.removed && isWanted(record),
  );
  const names = records.map(idOrKey);
  const ids = isWanted === isOfVideo ? await ledger.shortIds(names) : names; // `--character` is sent as it is
  return records.map(({ request }, at) => [ids[at] ?? '', request.prompt]);
}
