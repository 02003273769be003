import type { CommanderError } from 'commander';
import type { CommandDefinition, CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import { longFlag } from './app/option-values.ts';
import { COMMANDS, commandWords } from './command-table.ts';
import { SoraError } from './domain/errors.ts';
import { nearest } from './domain/nearest.ts';

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
export function refuseUnknownCommand(line: readonly string[]): void {
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
  const flags = Object.values({ ...GLOBAL_OPTIONS, ...definition?.options }).map(longFlag);
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

/** What commander refused, with the suggestion that fits. */
export function usageError(
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
