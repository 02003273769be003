import type { CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import { isValued } from './app/option-values.ts';

/** The groups of `sora --help`. */
export const [MAKE, FOLLOW, MANAGE, SET_UP, SERVE] = [
  'Make videos:',
  'Follow and save them:',
  'Manage them:',
  'Set up:',
  'Serve:',
] as const;

/** Every command; its definition is loaded when it is called. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'create',
    group: MAKE,
    summary: 'create a video: submit, wait, save',
    load: async () => (await import('./commands/create/create.ts')).createCommand,
  },
  {
    name: 'remix',
    group: MAKE,
    summary: 'make a variation of a finished video',
    load: async () => (await import('./commands/create/derive.ts')).remixCommand,
  },
  {
    name: 'edit',
    group: MAKE,
    summary: 'change a finished video or a file',
    load: async () => (await import('./commands/create/derive.ts')).editCommand,
  },
  {
    name: 'extend',
    group: MAKE,
    summary: 'add seconds to a finished video or a file',
    load: async () => (await import('./commands/create/derive.ts')).extendCommand,
  },
  {
    name: 'character create',
    group: MAKE,
    summary: 'create a character that appears in videos',
    load: async () => (await import('./commands/character/create.ts')).characterCreateCommand,
  },
  {
    name: 'character show',
    group: MAKE,
    summary: 'show a character',
    load: async () => (await import('./commands/character/show.ts')).characterShowCommand,
  },
  {
    name: 'status',
    group: FOLLOW,
    summary: 'show jobs, or wait for them',
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  {
    name: 'list',
    group: FOLLOW,
    alias: 'ls',
    summary: 'list videos, newest first',
    load: async () => (await import('./commands/list.ts')).listCommand,
  },
  {
    name: 'download',
    group: FOLLOW,
    summary: 'save the files of finished videos',
    load: async () => (await import('./commands/download.ts')).downloadCommand,
  },
  {
    name: 'open',
    group: FOLLOW,
    summary: 'open a saved video in the system’s player',
    load: async () => (await import('./commands/open.ts')).openCommand,
  },
  {
    name: 'gallery',
    group: FOLLOW,
    summary: 'write the videos as one HTML page',
    load: async () => (await import('./commands/gallery/gallery.ts')).galleryCommand,
  },
  {
    name: 'batch',
    group: MAKE,
    summary: 'create all videos of a manifest',
    load: async () => (await import('./commands/batch/batch.ts')).batchCommand,
  },
  {
    name: 'film',
    group: MAKE,
    summary: 'create the clips of a manifest and join them',
    load: async () => (await import('./commands/batch/film.ts')).filmCommand,
  },
  {
    name: 'worker',
    group: MAKE,
    summary: 'run rows of the shared queue',
    load: async () => (await import('./commands/worker/worker.ts')).workerCommand,
  },
  {
    name: 'queue failed',
    group: MANAGE,
    summary: 'list rows of the queue that failed',
    load: async () => (await import('./commands/queue/failed.ts')).queueFailedCommand,
  },
  {
    name: 'queue retry',
    group: MANAGE,
    summary: 'put failed rows back into the queue',
    load: async () => (await import('./commands/queue/failed.ts')).queueRetryCommand,
  },
  // After the commands whose names begin with its own.
  {
    name: 'queue',
    group: MANAGE,
    summary: 'show the shared queue',
    load: async () => (await import('./commands/queue/queue.ts')).queueCommand,
  },
  {
    name: 'cancel',
    group: MANAGE,
    summary: 'stop unfinished jobs',
    load: async () => (await import('./commands/cancel.ts')).cancelCommand,
  },
  {
    name: 'delete',
    group: MANAGE,
    alias: 'rm',
    summary: 'delete finished videos from the server',
    load: async () => (await import('./commands/delete.ts')).deleteCommand,
  },
  {
    name: 'attach',
    group: MANAGE,
    summary: 'link a lost submission to its job on the server',
    load: async () => (await import('./commands/attach.ts')).attachCommand,
  },
  {
    name: 'forget',
    group: MANAGE,
    summary: 'abandon a lost submission',
    load: async () => (await import('./commands/forget.ts')).forgetCommand,
  },
  {
    name: 'ledger check',
    group: MANAGE,
    summary: 'explain and repair damage to the ledger',
    load: async () => (await import('./commands/ledger-check.ts')).ledgerCheckCommand,
  },
  {
    name: 'ledger copy',
    group: MANAGE,
    summary: 'copy the ledger into a PostgreSQL database',
    load: async () => (await import('./commands/ledger-copy.ts')).ledgerCopyCommand,
  },
  {
    name: 'ledger caps',
    group: MANAGE,
    summary: 'set and show the caps of the team',
    load: async () => (await import('./commands/ledger-caps.ts')).ledgerCapsCommand,
  },
  {
    name: 'cost',
    group: MANAGE,
    summary: 'estimate the cost of a video, or show spending',
    load: async () => (await import('./commands/cost/cost.ts')).costCommand,
  },
  {
    name: 'models',
    group: SET_UP,
    summary: 'list what the server offers, with sizes and prices',
    load: async () => (await import('./commands/models.ts')).modelsCommand,
  },
  {
    name: 'doctor',
    group: SET_UP,
    summary: 'check access, and suggest fixes',
    load: async () => (await import('./commands/doctor/doctor.ts')).doctorCommand,
  },
  {
    name: 'serve',
    group: SERVE,
    summary: 'serve the API on a port, with a page to try it',
    load: async () => (await import('./commands/serve/serve.ts')).serveCommand,
  },
  {
    name: 'listen',
    group: FOLLOW,
    summary: 'receive webhooks, and save videos as they end',
    load: async () => (await import('./commands/listen.ts')).listenCommand,
  },
  {
    name: 'mcp',
    group: SERVE,
    summary: 'serve tools for agents on standard input',
    load: async () => (await import('./commands/mcp/mcp.ts')).mcpCommand,
  },
  {
    name: 'init',
    group: SET_UP,
    summary: 'set up a server interactively',
    load: async () => (await import('./commands/config/init.ts')).initCommand,
  },
  {
    name: 'completion',
    group: SET_UP,
    summary: 'print a script for completion in the shell',
    load: async () => (await import('./commands/completion.ts')).completionCommand,
  },
  {
    name: 'config list',
    summary: 'show every value and its origin',
    load: async () => (await import('./commands/config/config.ts')).configListCommand,
  },
  {
    name: 'config get',
    summary: 'print one value',
    load: async () => (await import('./commands/config/config.ts')).configGetCommand,
  },
  {
    name: 'config set',
    summary: 'store a setting',
    load: async () => (await import('./commands/config/config.ts')).configSetCommand,
  },
  {
    name: 'config unset',
    summary: 'remove a setting',
    load: async () => (await import('./commands/config/config.ts')).configUnsetCommand,
  },
  {
    name: 'config path',
    summary: 'print where sora keeps its files',
    load: async () => (await import('./commands/config/config.ts')).configPathCommand,
  },
  {
    name: 'config profile add',
    summary: 'create a profile',
    load: async () => (await import('./commands/config/profile.ts')).configProfileAddCommand,
  },
  {
    name: 'config profile use',
    summary: 'set the default profile',
    load: async () => (await import('./commands/config/profile.ts')).configProfileUseCommand,
  },
  {
    name: 'config profile list',
    summary: 'list the profiles',
    load: async () => (await import('./commands/config/profile.ts')).configProfileListCommand,
  },
  {
    name: 'config profile show',
    summary: 'show a profile',
    load: async () => (await import('./commands/config/profile.ts')).configProfileShowCommand,
  },
  {
    name: 'config profile remove',
    alias: 'rm',
    summary: 'remove a profile and its key',
    load: async () => (await import('./commands/config/profile.ts')).configProfileRemoveCommand,
  },
  {
    name: 'config key set',
    summary: 'store a key',
    load: async () => (await import('./commands/config/config.ts')).configKeySetCommand,
  },
  {
    name: 'config key remove',
    summary: 'remove a stored key',
    load: async () => (await import('./commands/config/config.ts')).configKeyRemoveCommand,
  },
];

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
    else if (takesValue(word)) at++;
  }
  return words;
}

/** The entry whose words come first on the command line, ignoring options. */
export function findEntry(argv: readonly string[]): CommandEntry | undefined {
  const words = commandWords(argv);
  const isNamed = (name: string): boolean => name.split(' ').every((part, at) => part === words[at]);
  return COMMANDS.find(({ name, alias }) => isNamed(name) || (alias && isNamed(name.replace(/\S+$/, alias))));
}

function takesValue(flag: string): boolean {
  return Object.values(GLOBAL_OPTIONS).some((spec) => isValued(spec, flag));
}
