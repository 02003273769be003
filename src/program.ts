import { Command, CommanderError, Option } from 'commander';
import type { CommandDefinition, CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS, type GlobalOptions } from './app/global-options.ts';
import type { OptionSpec, OptionSpecs } from './app/option-values.ts';
import { COMMANDS, findEntry, GROUPS } from './command-table.ts';
import { SoraError } from './domain/errors.ts';
import { expandTilde } from './platform/home-dir.ts';
import { beforeSeparator, refuseDashes, refuseUnknownCommand, usageError } from './usage-errors.ts';

export interface ProgramStreams {
  readonly version: string;
  readonly writeOut: (text: string) => void;
  readonly columns: number;
  /** What `~/` in a path stands for. */
  readonly homeDir?: string | null;
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
  const line = withShortValues(withHelpSpelledOut(argv));
  const named = findEntry(line);
  const definition = await named?.load();
  refuseDashes(line, definition);
  if (named === undefined) refuseUnknownCommand(line);
  if (asksForJsonHelp(line)) {
    const { describeEntry, describeProgram } = await import('./help-json.ts');
    const help = named === undefined ? describeProgram(COMMANDS, streams.version) : describeEntry(named);
    streams.writeOut(`${JSON.stringify(await help, null, 2)}\n`);
    return null;
  }
  const program = buildProgram(streams, globalOptionsFor(definition));
  // All commands are needed only for the help that lists them, and for suggestions.
  for (const entry of named === undefined ? COMMANDS : [named]) {
    const command = commandAt(program, entry);
    if (entry !== named || definition === undefined) continue;
    describeCommand(command, definition, streams.columns);
    command.action(() => {
      const args = trimIds(command.args, definition);
      const { options, globals } = splitOptions(command, definition, streams.homeDir ?? null);
      state.invocation = { definition, args, options, globals };
    });
  }
  try {
    await program.parseAsync(line, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') return null;
    throw usageError(error, named, definition, line);
  }
  return state.invocation;
}

/** `sora` alone and `sora help create` mean `--help`, which has the full text. */
function withHelpSpelledOut(argv: readonly string[]): string[] {
  const [first, ...rest] = argv;
  if (first === undefined) return ['--help'];
  return first === 'help' ? [...rest, '--help'] : [...argv];
}

/** `-m=wan` means `-m wan`, as in most tools; Commander would use the model `=wan`. */
function withShortValues(line: readonly string[]): string[] {
  const { length } = beforeSeparator(line);
  return line.map((word, at) => (at < length ? word.replace(/^(-[a-z])=(?=.)/i, '$1') : word));
}

function asksForJsonHelp(line: readonly string[]): boolean {
  const before = beforeSeparator(line);
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
    .configureHelp({ subcommandTerm: (command) => command.name(), minWidthToWrap: 10 })
    .addHelpText(
      'after',
      `
Examples:
  $ sora create "A paper boat sails into a storm drain" --duration 5 --simulate
  $ sora status --watch

Environment:
  SORA_API_KEY, SORA_BASE_URL, SORA_PROFILE, SORA_MODEL, SORA_HOME,
  OPENAI_API_KEY, OPENAI_BASE_URL
`,
    );
  return addOptions(program, globalOptions, 'Global options:');
}

/** The command of an entry, created together with its groups. */
function commandAt(program: Command, { name, alias, group, summary }: CommandEntry): Command {
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
      .description(path === name ? '' : sentence(GROUPS[path] ?? ''))
      .helpOption('-h, --help', 'show help')
      .helpCommand(false);
    if (parent === program) command.helpGroup(group);
    if (alias && path === name) command.alias(alias);
    parent.addCommand(command);
    parent = command;
  }
  return parent;
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
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
  return option.argParser<string | readonly string[]>((given, earlier) => {
    const value = flags.endsWith('<id>') ? unquoted(given) : given;
    refuseNonValue(option, value);
    checkChoice?.(value, undefined);
    return repeatable ? [...(earlier ?? []), value] : value;
  });
}

function isPath(flags: string): boolean {
  return /[<|](file|dir)\b/.test(flags);
}

/** Commander uses the next flag as a missing value: `create x -o --dry-run` would pay for a video named `--dry-run`. */
function refuseNonValue({ flags, long }: Option, value: string): void {
  const isFlag = value.startsWith('-') && value !== '-' && !/^-(\d+\.?|\d*\.\d+)$/.test(value);
  if (!isFlag && value !== '') return;
  throw new SoraError('usage', {
    title: isFlag ? `\`${long}\` needs a value, and \`${value}\` is an option` : `the value of \`${long}\` is empty`,
    hints: [
      `write it as \`${/--.+$/.exec(flags)?.[0]}\``,
      ...(isFlag && isPath(flags) ? [`write \`./${value}\` for a file of that name`] : []),
    ],
  });
}

/** An id without the white space of a file, or the quotes of JSON, that it comes from. */
function unquoted(id: string): string {
  return id
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
}

/** Refuses an empty id, which would request the whole list. */
function trimIds(args: readonly string[], { name, arguments: known }: CommandDefinition): readonly string[] {
  return args.map((arg, at) => {
    if (!/^[<[](?:id|submission)\b/.test((known[at] ?? known.at(-1))?.form ?? '')) return arg;
    const id = unquoted(arg);
    if (id !== '') return id;
    throw new SoraError('usage', { title: 'an id is empty', facts: { command: name } });
  });
}

/** Global options may come before or after the command’s name; the later one wins. */
function splitOptions(
  command: Command,
  definition: CommandDefinition,
  homeDir: string | null,
): Pick<Invocation, 'options' | 'globals'> {
  const values = { ...given(command.optsWithGlobals()), ...given(command.opts()) };
  const expanded = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(expanded) : expandTilde(String(value), homeDir);
  const pick = (specs: OptionSpecs): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(specs).flatMap(([name, { flags }]) =>
        name in values ? [[name, isPath(flags) ? expanded(values[name]) : values[name]]] : [],
      ),
    );
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
