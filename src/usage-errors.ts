import type { CommanderError } from 'commander';
import type { CommandDefinition, CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import { longFlag } from './app/option-values.ts';
import { COMMANDS, commandWords } from './command-table.ts';
import { SoraError } from './domain/errors.ts';
import { nearest } from './domain/nearest.ts';
import { shellWord } from './domain/shell.ts';

/** Commands that people know from elsewhere, by what does it here. */
const OTHER_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'sora create': ['make', 'new', 'gen', 'generate', 'run'],
  'sora create --from ID': ['retry'],
  'sora download': ['get', 'save'],
  'sora status': ['ps', 'show'],
  'sora open': ['play', 'view'],
  'sora status --watch': ['wait', 'watch'],
  'sora delete': ['remove'],
  'sora cancel': ['stop'],
  'sora cost': ['price'],
  'sora config key set': ['login', 'auth'],
  'sora config list': ['settings'],
  'sora serve': ['server'],
  'sora --version': ['version'],
};

/** In every group, one of these is the command that removes. */
const REMOVAL = /^(remove|unset|rm|delete|del)$/;

/** Options that people know from elsewhere, by what does it here; of several, those that the command has. */
const OTHER_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  '--duration': ['--seconds', '--length', '-t'],
  '--size': ['--width', '--height', '--dimensions', '-s'],
  '--aspect-ratio': ['--ratio'],
  '--image': ['--input', '--input-reference', '--first-frame', '--start-frame'],
  '--last-frame': ['--end-frame'],
  '--param': ['--seed', '--fps', '--negative-prompt', '--steps'],
  '--output': ['--file', '--dest', '--output-file', '--outfile', '--save', '-f'],
  '--count': ['--n', '--num', '--number', '--variations'],
  '--concurrency': ['--parallel', '--workers', '--jobs', '--threads', '-j'],
  '--limit': ['-n', '--max', '--count', '--num'],
  '--detach': ['--async', '--no-wait', '--background', '-b'],
  '--watch': ['--wait', '--follow', '-f'],
  '--wait': ['--watch', '--follow', '-w'],
  '--max-cost': ['--budget', '--limit'],
  '--yes': ['--no-confirm', '--force', '-f'],
  '--force': ['--overwrite', '-f'],
  '--base-url': ['--url', '--server', '--endpoint', '--api-base'],
  '--version': ['-v', '--v'],
  '--debug': ['--verbose', '-v'],
  '--quiet': ['--silent', '--no-progress'],
  '--color never': ['--no-color', '--no-colour'],
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
  const prefix = ['sora', ...group].join(' ');
  const near = nearest(word, siblings);
  const like =
    near.length === 0 && REMOVAL.test(word) ? siblings.filter((name) => REMOVAL.test(name)).slice(0, 1) : near;
  const here = Object.keys(OTHER_COMMANDS).find((command) => OTHER_COMMANDS[command]?.includes(word));
  const other = known > 0 ? undefined : /\s/.test(word) ? `sora create ${shellWord(word)}` : here;
  const suggested = other ? [other] : [...new Set(like)].map((name) => `${prefix} ${name}`);
  const command = known === 0 && line[0]?.startsWith('-') ? words.find((later) => isStart([later])) : undefined;
  throw new SoraError('usage', {
    title: `unknown command \`${[...group, word].join(' ')}\``,
    hints: [
      ...(command === undefined ? [] : [`write the command first: \`sora ${command} …\``]),
      ...didYouMean(suggested),
      `run \`${prefix} --help\` to list all commands`,
    ],
  });
}

/** Hyphens and the dashes that documents put in their place. */
const DASHES = /^-*[\u2010-\u2015\u2212][-\u2010-\u2015\u2212]*/;

/** Throws `usage` for an option whose hyphens became dashes in a document; it would be taken for a prompt or an id. */
export function refuseDashes(line: readonly string[], definition: CommandDefinition | undefined): void {
  const pasted = beforeSeparator(line).filter((word) => DASHES.test(word));
  if (pasted.length === 0) return;
  const specs = Object.values({ ...GLOBAL_OPTIONS, ...definition?.options });
  const flags = [...specs.map((spec) => spec.flags), '-h, --help', '-V, --version'].join(' ');
  const names = new Map((flags.match(/(?<![\w-])--?[\w-]+/g) ?? []).map((flag) => [flag.replace(/^-+/, ''), flag]));
  for (const word of pasted) {
    const flag = names.get(word.replace(DASHES, '').replace(/=.*/s, ''));
    if (flag === undefined) continue;
    throw new SoraError('usage', {
      title: `\`${word}\` begins with a dash that is not a hyphen`,
      hints: [`write \`${flag}\``],
    });
  }
}

/** For a wrong command line: a word in quotes that the shell ignored, as pasted from a document. */
export function hintsAboutQuotes(line: readonly string[]): string[] {
  const word = line.find((candidate) =>
    /^[\u201c-\u201f\u00ab\u2018]\S*$|^\S*[\u201c-\u201f\u00bb\u2019]$/.test(candidate),
  );
  return word === undefined ? [] : [`replace the typographic quotes of \`${word}\` by straight ones (" or ')`];
}

export function beforeSeparator(line: readonly string[]): readonly string[] {
  return line.includes('--') ? line.slice(0, line.indexOf('--')) : line;
}

function didYouMean(suggested: readonly string[]): string[] {
  return suggested.length === 0 ? [] : [`did you mean ${suggested.map((name) => `\`${name}\``).join(' or ')}?`];
}

function flagsOf(definition: CommandDefinition | undefined): string[] {
  return Object.values({ ...GLOBAL_OPTIONS, ...definition?.options }).map(longFlag);
}

/** The options of a command that are most like one that it does not have. */
function suggestOption(flag: string, definition: CommandDefinition | undefined): string[] {
  const flags = flagsOf(definition);
  const known = definition === undefined ? [...flags, '--version'] : flags;
  const others = Object.entries(OTHER_OPTIONS).flatMap(([here, elsewhere]) =>
    elsewhere.includes(flag) && known.includes(here.replace(/ .*/, '')) ? [here] : [],
  );
  return others.length > 0 ? others : nearest(flag, [...known, '--help']);
}

/** Commands whose last argument is a prompt, and what comes before it. */
const PROMPTED = new Map(
  Object.entries({ create: 'create', remix: 'remix @last', edit: 'edit @last', extend: 'extend @last' }),
);

/** What commander refused, with the suggestion that fits. */
export function usageError(
  error: CommanderError,
  entry: CommandEntry | undefined,
  definition: CommandDefinition | undefined,
  line: readonly string[],
): SoraError {
  const [first = ''] = error.message.replace(/^error: /, '').split('\n');
  const { title, hints } = explain(error.code, first, definition, line);
  const unquoted = PROMPTED.get(entry?.name ?? '');
  const isPrompt = unquoted !== undefined && /excessArguments|--prompt|`prompt`/.test(`${error.code} ${title}`);
  return new SoraError('usage', {
    title,
    hints: [
      ...hints,
      ...(isPrompt ? [`put the prompt in quotes: \`sora ${unquoted} "A paper boat"\``] : []),
      entry === undefined
        ? 'run `sora --help` to list all commands'
        : `run \`sora ${entry.name} --help\` to see its arguments`,
    ],
  });
}

/** Commander's message in the words of the other errors, and hints about its cause. */
function explain(
  code: string,
  message: string,
  definition: CommandDefinition | undefined,
  line: readonly string[],
): { readonly title: string; readonly hints: readonly string[] } {
  const [first = '', second = ''] = [...message.matchAll(/'([^']*)'/g)].map(([, quoted]) => quoted);
  switch (code) {
    case 'commander.unknownOption': {
      const [flag = ''] = /^[^=]*/.exec(asTyped(first, line)) ?? [];
      if (flagsOf(definition).includes(flag))
        return { title: `\`${flag}\` takes no value`, hints: [`write \`${flag}\``] };
      return { title: `unknown option \`${flag}\``, hints: aboutOption(flag, definition) };
    }
    case 'commander.missingArgument':
      return {
        title: `missing argument \`${first}\``,
        hints: /^id\b/.test(first)
          ? ['write `@last` for the newest video']
          : first === 'value'
            ? ['separate name and value by a space, as in `sora config set max_cost 5`']
            : [],
      };
    case 'commander.optionMissingArgument':
      return {
        title: `\`${longFlag({ flags: first })}\` needs a value`,
        hints: [`write it as \`${/--.+$/.exec(first)?.[0]}\``],
      };
    case 'commander.invalidArgument': {
      const choices = message.split('Allowed choices are ')[1]?.replace(/\.$/, '') ?? '';
      const title = `\`${longFlag({ flags: first })} ${second}\` is not one of ${choices}`;
      return { title, hints: didYouMean(nearest(second, choices.split(', '))) };
    }
    case 'commander.excessArguments': {
      const [, expected = '', got = ''] = /Expected (\d+) arguments? but got (\d+)/.exec(message) ?? [];
      const number = line[line.indexOf('-n') + 1];
      const [profile = ''] = / --profile[ =][\w-]+/.exec(` ${line.join(' ')}`) ?? [];
      const isCount = line.includes('-n') && definition?.options.count !== undefined && /^\d+$/.test(number ?? '');
      return {
        title: `too many arguments: \`sora ${definition?.name}\` takes ${expected === '0' ? 'none' : expected}, not ${got}`,
        hints: [
          ...didYouMean(commandsLike(line, definition).map((name) => `sora ${name}`)),
          ...(isCount ? [`\`-n\` is \`--dry-run\`: write \`--count ${number}\` for several videos`] : []),
          ...(definition?.name === 'config key set'
            ? [`pipe the key in, as in \`printenv MY_KEY | sora config key set${profile}\``]
            : []),
        ],
      };
    }
    default:
      return { title: message.replace(/\.$/, ''), hints: [] };
  }
}

/** The commands of a group, such as `queue`, that are most like the word after it; it is a command itself. */
function commandsLike(line: readonly string[], definition: CommandDefinition | undefined): string[] {
  const below = COMMANDS.map(({ name }) => name).filter((name) => name.startsWith(`${definition?.name} `));
  return nearest(commandWords(line).join(' '), below);
}

/** Commander splits `-watch` into `-w` and the unknown `-atch`. */
function asTyped(flag: string, line: readonly string[]): string {
  const isPart = (word: string): boolean => /^-[^-]/.test(word) && word.endsWith(flag.slice(1));
  return line.includes(flag) ? flag : (line.find(isPart) ?? flag);
}

function aboutOption(flag: string, definition: CommandDefinition | undefined): string[] {
  if (/^--(api-?)?(key|token)$/.test(flag)) {
    return ['set `SORA_API_KEY`, or run `sora config key set`; an option would leave the key in the shell history'];
  }
  if (/\s/.test(flag)) return ['put `--` before a text that begins with a hyphen, and after the options'];
  return didYouMean(suggestOption(flag, definition));
}
