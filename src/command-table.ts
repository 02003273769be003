import type { CommandDefinition, CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import { isValued } from './app/option-values.ts';

/** The groups of `sora --help`. */
const [MAKE, FOLLOW, MANAGE, SET_UP, SERVE] = [
  'Make videos:',
  'Follow and save them:',
  'Manage them:',
  'Set up:',
  'Serve:',
] as const;

/** A command, and the file that exports its definition. An alias is another word for the last one of the name. */
type Row = readonly [name: string, group: string, summary: string, load: () => Promise<object>, alias?: string];

const ROWS: readonly Row[] = [
  ['create', MAKE, 'create a video: submit, wait, save', () => import('./commands/create/create.ts')],
  ['remix', MAKE, 'make a variation of a finished video', () => import('./commands/create/derive.ts')],
  ['edit', MAKE, 'change a finished video or a file', () => import('./commands/create/derive.ts')],
  ['extend', MAKE, 'add seconds to a finished video or a file', () => import('./commands/create/derive.ts')],
  ['character create', MAKE, 'create a character that appears in videos', () => import('./commands/character.ts')],
  ['character show', MAKE, 'show a character', () => import('./commands/character.ts')],
  ['status', FOLLOW, 'show jobs, or wait for them', () => import('./commands/status.ts')],
  ['list', FOLLOW, 'list videos, newest first', () => import('./commands/list.ts'), 'ls'],
  ['download', FOLLOW, 'save the files of finished videos', () => import('./commands/download.ts')],
  ['open', FOLLOW, 'open a saved video in the system’s player', () => import('./commands/open.ts')],
  ['gallery', FOLLOW, 'write the videos as one HTML page', () => import('./commands/gallery/gallery.ts')],
  ['batch', MAKE, 'create all videos of a manifest', () => import('./commands/batch/batch.ts')],
  ['film', MAKE, 'create the clips of a manifest and join them', () => import('./commands/batch/film.ts')],
  ['worker', MAKE, 'run rows of the shared queue', () => import('./commands/worker/worker.ts')],
  ['queue failed', MANAGE, 'list rows of the queue that failed', () => import('./commands/queue.ts')],
  ['queue retry', MANAGE, 'put failed rows back into the queue', () => import('./commands/queue.ts')],
  // After the commands whose names begin with its own.
  ['queue', MANAGE, 'show the shared queue', () => import('./commands/queue.ts')],
  ['cancel', MANAGE, 'stop unfinished jobs', () => import('./commands/cancel.ts')],
  ['delete', MANAGE, 'delete finished videos from the server', () => import('./commands/delete.ts'), 'rm'],
  ['attach', MANAGE, 'link a lost submission to its job on the server', () => import('./commands/attach.ts')],
  ['forget', MANAGE, 'abandon a lost submission', () => import('./commands/forget.ts')],
  ['ledger check', MANAGE, 'explain and repair damage to the ledger', () => import('./commands/ledger-check.ts')],
  ['ledger copy', MANAGE, 'copy the ledger into a PostgreSQL database', () => import('./commands/ledger-copy.ts')],
  ['ledger caps', MANAGE, 'set and show the caps of the team', () => import('./commands/ledger-caps.ts')],
  ['cost', MANAGE, 'estimate the cost of a video, or show spending', () => import('./commands/cost/cost.ts')],
  ['models', SET_UP, 'list what the server offers, with sizes and prices', () => import('./commands/models.ts')],
  ['doctor', SET_UP, 'check access, and suggest fixes', () => import('./commands/doctor/doctor.ts')],
  ['serve', SERVE, 'serve the API on a port, with a page to try it', () => import('./commands/serve/serve.ts')],
  ['listen', FOLLOW, 'receive webhooks, and save videos as they finish', () => import('./commands/listen.ts')],
  ['mcp', SERVE, 'serve tools for agents on standard input', () => import('./commands/mcp/mcp.ts')],
  ['init', SET_UP, 'set up a server interactively', () => import('./commands/config/init.ts')],
  ['completion', SET_UP, 'print a script for completion in the shell', () => import('./commands/completion.ts')],
  ['config list', SET_UP, 'show every value and its origin', () => import('./commands/config/config.ts')],
  ['config get', SET_UP, 'print one value', () => import('./commands/config/config.ts')],
  ['config set', SET_UP, 'store a setting', () => import('./commands/config/config.ts')],
  ['config unset', SET_UP, 'remove a setting', () => import('./commands/config/config.ts')],
  ['config path', SET_UP, 'print where sora keeps its files', () => import('./commands/config/config.ts')],
  ['config profile add', SET_UP, 'create a profile', () => import('./commands/config/profile.ts')],
  ['config profile use', SET_UP, 'set the default profile', () => import('./commands/config/profile.ts')],
  ['config profile list', SET_UP, 'list the profiles', () => import('./commands/config/profile.ts')],
  ['config profile show', SET_UP, 'show a profile', () => import('./commands/config/profile.ts')],
  ['config profile remove', SET_UP, 'remove a profile and its key', () => import('./commands/config/profile.ts'), 'rm'],
  ['config key set', SET_UP, 'store a key', () => import('./commands/config/config.ts')],
  ['config key remove', SET_UP, 'remove a stored key', () => import('./commands/config/config.ts')],
];

/** Every command; its definition is loaded when it is called. */
export const COMMANDS: readonly CommandEntry[] = ROWS.map(([name, group, summary, load, alias]) => ({
  name,
  group,
  summary,
  ...(alias !== undefined && { alias }),
  load: async () => definitionIn(await load(), name),
}));

/** A file may export several commands, and what they share. */
function definitionIn(file: object, name: string): CommandDefinition {
  const definition = Object.values(file).find((exported) => exported.name === name && 'run' in exported);
  if (definition === undefined) throw new TypeError(`the file of \`${name}\` does not export its definition`);
  return definition;
}

/** Commands that only have others below them. */
export const GROUPS: Readonly<Record<string, string>> = {
  character: 'characters that appear in videos',
  ledger: 'the record of submissions and saved files',
  queue: 'show the shared queue',
  config: 'settings and keys',
  'config profile': 'servers by name',
  'config key': 'stored keys',
};

/** The words of a command line that are no options or values of them. */
export function commandWords(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') break;
    if (!word.startsWith('-')) words.push(word);
    else if (Object.values(GLOBAL_OPTIONS).some((spec) => isValued(spec, word))) at++;
  }
  return words;
}

/** The entry whose words come first on the command line, ignoring options. */
export function findEntry(argv: readonly string[]): CommandEntry | undefined {
  const words = commandWords(argv);
  const isNamed = (name: string): boolean => name.split(' ').every((part, at) => part === words[at]);
  return COMMANDS.find(({ name, alias }) => isNamed(name) || (alias && isNamed(name.replace(/\S+$/, alias))));
}
