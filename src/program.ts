import { Command, CommanderError, Option } from 'commander';
import type { CommandDefinition, CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS, type GlobalOptions } from './app/global-options.ts';
import type { OptionSpec, OptionSpecs } from './app/option-values.ts';
import { SoraError } from './domain/errors.ts';
import { nearest } from './domain/nearest.ts';

const [MAKE, FOLLOW, MANAGE, SET_UP, SERVE] = [
  'Make videos:',
  'Follow and save them:',
  'Manage them:',
  'Set up:',
  'Serve:',
] as const;

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
    name: 'cost',
    group: MANAGE,
    summary: 'estimate the cost of a video, or show spending',
    load: async () => (await import('./commands/cost/cost.ts')).costCommand,
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

const GROUPS: Readonly<Record<string, string>> = {
  ledger: 'the record of submissions and saved files',
  config: 'settings and keys',
  'config profile': 'servers by name',
  'config key': 'stored keys',
};

export interface ProgramStreams {
  readonly version: string;
  readonly writeOut: (text: string) => void;
  readonly columns: number;
}

/** A parsed command line. */
export interface Invocation {
  readonly definition: CommandDefinition;
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly globals: GlobalOptions;
}

/** Parses a command line; null if help or the version was printed. Throws `usage` if it cannot be parsed. */
export async function parseCommandLine(argv: readonly string[], streams: ProgramStreams): Promise<Invocation | null> {
  const state: { invocation: Invocation | null } = { invocation: null };
  const line = withHelpSpelledOut(argv);
  const named = findEntry(line);
  if (named === undefined) refuseUnknownCommand(line);
  if (asksForJsonHelp(line)) {
    const { describeEntry, describeProgram } = await import('./help-json.ts');
    const help = named === undefined ? describeProgram(COMMANDS, streams.version) : describeEntry(named);
    streams.writeOut(`${JSON.stringify(await help, null, 2)}\n`);
    return null;
  }
  const definition = await named?.load();
  const program = buildProgram(streams, globalOptionsFor(definition));
  // All commands are needed only for the help that lists them, and for suggestions.
  for (const entry of named === undefined ? COMMANDS : [named]) {
    const command = commandAt(program, entry);
    if (entry !== named || definition === undefined) continue;
    describeCommand(command, definition, streams.columns);
    command.action(() => {
      refuseEmptyIds(command.args, definition);
      const { options, globals } = splitOptions(command, definition);
      state.invocation = { definition, args: command.args, options, globals };
    });
  }
  try {
    await program.parseAsync(line, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') return null;
    throw usageError(error, named, definition);
  }
  return state.invocation;
}

/** `sora` alone and `sora help create` mean `--help`, which has the full text. */
function withHelpSpelledOut(argv: readonly string[]): string[] {
  const [first, ...rest] = argv;
  if (first === undefined) return ['--help'];
  return first === 'help' ? [...rest, '--help'] : [...argv];
}

function asksForJsonHelp(line: readonly string[]): boolean {
  const before = line.includes('--') ? line.slice(0, line.indexOf('--')) : line;
  return before.includes('--json') && (before.includes('--help') || before.includes('-h'));
}

function buildProgram({ version, writeOut, columns }: ProgramStreams, globalOptions: OptionSpecs): Command {
  const program = new Command('sora')
    .description(
      'Creates and manages videos on any server that speaks the Videos API, with a built-in offline simulator.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help; with --json as data')
    .helpCommand(false)
    .enablePositionalOptions(false)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut,
      writeErr: writeOut, // the help of a command group is an answer too
      outputError: () => {}, // the caller prints it in our own form
      getOutHelpWidth: () => columns,
      getErrHelpWidth: () => columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText(
      'after',
      `
Examples:
  $ sora create "A paper boat sails into a storm drain" --duration 5 --simulate
  $ sora status --watch

Environment: SORA_API_KEY, SORA_BASE_URL, SORA_PROFILE, SORA_MODEL, SORA_HOME, OPENAI_API_KEY, OPENAI_BASE_URL
`,
    );
  return addOptions(program, globalOptions, 'Global options:');
}

/** The command of an entry, created together with its groups. */
function commandAt(program: Command, { name, alias, group = SET_UP, summary }: CommandEntry): Command {
  const words = name.split(' ');
  let parent = program;
  for (const [at, word] of words.entries()) {
    const path = words.slice(0, at + 1).join(' ');
    const existing = parent.commands.find((command) => command.name() === word);
    if (existing !== undefined) {
      parent = existing;
      continue;
    }
    const command = new Command(word)
      .copyInheritedSettings(parent)
      .summary(path === name ? summary : (GROUPS[path] ?? ''))
      .description(path === name ? '' : (GROUPS[path] ?? ''))
      .helpOption('-h, --help', 'show help')
      .helpCommand(false);
    if (parent === program) command.helpGroup(group);
    if (alias && path === name) command.alias(alias);
    parent.addCommand(command);
    parent = command;
  }
  return parent;
}

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
  return Object.values(GLOBAL_OPTIONS).some(({ flags }) => flags.includes('<') && flags.split(/[ ,]+/).includes(flag));
}

function describeCommand(command: Command, definition: CommandDefinition, columns: number): void {
  command.description(definition.description);
  for (const { form, summary } of definition.arguments) command.argument(form, summary);
  addOptions(command, definition.options, 'Options:');
  for (const spec of Object.values(globalOptionsFor(definition))) command.addOption(toOption(spec).hideHelp());
  command.addHelpText('after', () => helpAfterOptions(command, definition, columns));
}

function helpAfterOptions(command: Command, definition: CommandDefinition, columns: number): string {
  const { examples, errors, json, table = [] } = definition;
  const help = command.createHelp();
  help.prepareContext({ helpWidth: columns });
  help.minWidthToWrap = 20; // names of settings are long
  const nameColumns = Math.max(0, ...table.map(([name]) => name.length));
  const sections = [
    ['Settings:', table.map(([name, summary]) => help.formatItem(name, nameColumns, summary, help))],
    ['JSON (--json):', wrapShape(json, columns - 3).map((line, at) => `${at === 0 ? '  ' : '   '}${line}`)],
    [
      'Error codes (see docs/errors.md):',
      [`  ${help.boxWrap(errors.join(', '), columns - 2).replaceAll('\n', '\n  ')}`],
    ],
    ['Examples:', examples.map(([line, does]) => `  # ${does}\n  $ ${line}`)],
  ] as const;
  const shown = sections.filter(([, lines]) => lines.join('').trim() !== '');
  const text = shown.map(([heading, lines]) => `\n${heading}\n${lines.join('\n')}\n`).join('');
  return `${text}\nGlobal options: see \`sora --help\`\n`;
}

/** The shape of a document in lines, broken after commas and spaces. */
function wrapShape(shape: string, columns: number): string[] {
  const lines: string[] = [''];
  for (const part of shape.split(/(?<=[, ])/)) {
    const current = lines.at(-1) ?? '';
    if (current !== '' && `${current}${part}`.trimEnd().length > columns) lines.push(part);
    else lines[lines.length - 1] = current + part;
  }
  return lines.map((line) => line.trimEnd());
}

/** A command’s own option replaces the global option of the same name. */
function globalOptionsFor(definition: CommandDefinition | undefined): OptionSpecs {
  const own = definition?.options ?? {};
  return Object.fromEntries(Object.entries(GLOBAL_OPTIONS).filter(([name]) => !(name in own)));
}

function addOptions(command: Command, specs: OptionSpecs, heading: string): Command {
  for (const spec of Object.values(specs)) command.addOption(toOption(spec).helpGroup(spec.group ?? heading));
  return command;
}

function toOption({ flags, summary, choices, repeatable }: OptionSpec): Option {
  const option = new Option(flags, summary);
  if (choices) option.choices(choices);
  if (!option.required) return option;
  const { parseArg: checkChoice } = option;
  return option.argParser<string | readonly string[]>((value, earlier) => {
    refuseNonValue(option, value);
    checkChoice?.(value, undefined);
    return repeatable ? [...(earlier ?? []), value] : value;
  });
}

/** Commander uses the next flag as a missing value: `create x -o --dry-run` would pay for a video named `--dry-run`. */
function refuseNonValue({ flags, long }: Option, value: string): void {
  const isFlag = value.startsWith('-') && value !== '-' && !/^-(\d+\.?|\d*\.\d+)$/.test(value);
  if (!isFlag && value !== '') return;
  throw new SoraError('usage', {
    title: isFlag ? `\`${long}\` needs a value, and \`${value}\` is an option` : `the value of \`${long}\` is empty`,
    hints: [
      `write it as \`${/--.+$/.exec(flags)?.[0]}\``,
      ...(isFlag ? [`write \`./${value}\` for a file of that name`] : []),
    ],
  });
}

/** An empty id comes from an unset variable, and would request the whole list. */
function refuseEmptyIds(args: readonly string[], definition: CommandDefinition): void {
  const form = definition.arguments[0]?.form ?? '';
  if (!/^[<[]id\b/.test(form)) return;
  const ids = form.includes('...') ? args : args.slice(0, 1);
  if (ids.every((id) => id.trim() !== '')) return;
  throw new SoraError('usage', { title: 'an id is empty', facts: { command: definition.name } });
}

/** Global options may come before or after the command’s name; the later one wins. */
function splitOptions(command: Command, definition: CommandDefinition): Pick<Invocation, 'options' | 'globals'> {
  const values = { ...given(command.optsWithGlobals()), ...given(command.opts()) };
  const pick = (specs: OptionSpecs): Record<string, unknown> =>
    Object.fromEntries(Object.keys(specs).flatMap((name) => (name in values ? [[name, values[name]]] : [])));
  // Commander parsed the values according to the flags, so the types match.
  return { options: pick(definition.options), globals: pick(globalOptionsFor(definition)) as GlobalOptions };
}

/** The options that were given. Commander turns `--no-input` into `input`, which is true by default. */
function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === undefined) return [];
      if (name !== 'input' && name !== 'download') return [[name, value]];
      return value === false ? [[`no${name[0]?.toUpperCase()}${name.slice(1)}`, true]] : [];
    }),
  );
}

/** Verbs that people know from elsewhere, and what does it here. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  make: 'sora create',
  new: 'sora create',
  generate: 'sora create',
  retry: 'sora create --from ID',
  get: 'sora download',
  save: 'sora download',
  ps: 'sora status',
  show: 'sora status',
  play: 'sora open',
  view: 'sora open',
  wait: 'sora status --watch',
  watch: 'sora status --watch',
  remove: 'sora delete',
  stop: 'sora cancel',
  price: 'sora cost',
  login: 'sora config key set',
  auth: 'sora config key set',
  settings: 'sora config list',
  server: 'sora serve',
  '--seconds': '--duration',
  '--length': '--duration',
  '--ratio': '--aspect-ratio',
  '--file': '--output',
  '--dest': '--output',
  '--wait': '--watch',
  '--url': '--base-url',
  '--overwrite': '--force',
};

/** Throws `usage` where the first words name neither a command nor a group of commands, also when only help is wanted. */
function refuseUnknownCommand(line: readonly string[]): void {
  const words = commandWords(line);
  const isStart = (path: readonly string[]): boolean =>
    COMMANDS.some(({ name }) => name.split(' ').slice(0, path.length).join(' ') === path.join(' '));
  const known = words.findIndex((_, at) => !isStart(words.slice(0, at + 1)));
  const word = words[known];
  if (word === undefined) return;
  const group = words.slice(0, known);
  const siblings = COMMANDS.flatMap(({ name, alias }) => {
    const path = name.split(' ');
    if (path.slice(0, known).join(' ') !== group.join(' ')) return [];
    return [path[known] ?? '', ...(alias && path.length === known + 1 ? [alias] : [])];
  });
  const [prefix, other] = [['sora', ...group].join(' '), known === 0 ? OTHER_WORDS[word] : undefined];
  const suggested = other ? [other] : [...new Set(nearest(word, siblings))].map((name) => `${prefix} ${name}`);
  throw new SoraError('usage', {
    title: `unknown command \`${[...group, word].join(' ')}\``,
    hints: [...didYouMean(suggested), `run \`${prefix} --help\` to list all commands`],
  });
}

function didYouMean(suggested: readonly string[]): string[] {
  return suggested.length === 0 ? [] : [`did you mean ${suggested.map((name) => `\`${name}\``).join(' or ')}?`];
}

/** The options of a command that are most like one that it does not have. */
function suggestOption(flag: string, definition: CommandDefinition | undefined): string[] {
  const flags = Object.values({ ...GLOBAL_OPTIONS, ...definition?.options }).flatMap(
    (spec) => /--[\w-]+/.exec(spec.flags)?.[0] ?? [],
  );
  const other = OTHER_WORDS[flag];
  return other !== undefined && flags.includes(other) ? [other] : nearest(flag, flags);
}

/** Commands whose last argument is a prompt, and what comes before it. */
const PROMPTED: Readonly<Record<string, string>> = {
  create: 'create',
  remix: 'remix @last',
  edit: 'edit @last',
  extend: 'extend @last',
};

function usageError(
  error: CommanderError,
  entry: CommandEntry | undefined,
  definition: CommandDefinition | undefined,
): SoraError {
  const message = error.message.replace(/^error: /, '');
  const [first = '', ...rest] = message.split('\n');
  const [, flag] = /^unknown option '(-[^'=]*)/.exec(first) ?? [];
  const unquoted = error.code === 'commander.excessArguments' ? PROMPTED[entry?.name ?? ''] : undefined;
  return new SoraError('usage', {
    title: first.replace(/\.$/, ''),
    hints: [
      ...didYouMean(flag === undefined ? [] : suggestOption(flag, definition)),
      ...rest.map((line) => line.replace(/^\((.*)\)$/, '$1').toLowerCase()),
      ...(unquoted === undefined ? [] : [`put the prompt in quotes: \`sora ${unquoted} "A paper boat"\``]),
      entry === undefined
        ? 'run `sora --help` to list all commands'
        : `run \`sora ${entry.name} --help\` to see its arguments`,
    ],
  });
}
