import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/command-table.ts';
import { describeProgram } from '../src/help-json.ts';
import { createCommandLine } from './support/command-line.ts';

interface Described {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly arguments: readonly { readonly name: string }[];
  readonly options: readonly { readonly name: string }[];
}

interface Tree {
  readonly commands: readonly Described[];
  readonly global_options: readonly { readonly name: string }[];
}

const ROOT = join(import.meta.dirname, '..');
const TREE = (await describeProgram(COMMANDS, '')) as Tree;

/** The commands in a text with their flags: name → sorted flags. */
type Commands = Readonly<Record<string, readonly string[]>>;

const EXPECTED: Commands = Object.fromEntries(
  TREE.commands.map(({ name, options }) => [name, sorted(options.map((option) => option.name))]),
);
const GLOBAL_FLAGS = sorted(TREE.global_options.map(({ name }) => name));

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

/** A text split at its headings: name → content. */
function sections(text: string, heading: RegExp): Record<string, string> {
  const [, ...parts] = text.split(heading);
  return Object.fromEntries(parts.flatMap((part, at) => (at % 2 === 0 ? [[part, parts[at + 1] ?? '']] : [])));
}

function flagsByCommand(bodies: Readonly<Record<string, string>>, flag: RegExp): Commands {
  return Object.fromEntries(
    Object.entries(bodies).map(([name, body]) => [
      name,
      sorted([...body.matchAll(flag)].map(([, found]) => found ?? '').filter((found) => found !== '--help')),
    ]),
  );
}

function file(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

async function completed(...words: readonly string[]): Promise<string[]> {
  const { stdout } = await createCommandLine().run(['complete', '--', ...words]);
  return [...stdout.matchAll(/^([^\t\n:][^\t\n]*)\t/gm)].map(([, candidate]) => candidate ?? '');
}

const HELP_FLAG = /^ {2}(?:-\w, )?(--[a-z-]+)/gm;

describe('the commands and options are the same in', () => {
  it('the help', async () => {
    const bodies = TREE.commands.map(async ({ name }): Promise<[string, string]> => {
      return [name, (await createCommandLine().run([...name.split(' '), '--help'])).stdout];
    });
    expect(flagsByCommand(Object.fromEntries(await Promise.all(bodies)), HELP_FLAG)).toEqual(EXPECTED);
    const overview = (await createCommandLine().run(['--help'])).stdout;
    const listed = sorted([...overview.matchAll(HELP_FLAG)].map(([, flag]) => flag ?? ''));
    expect(listed).toEqual(sorted([...GLOBAL_FLAGS, '--help', '--version']));
  });

  it('docs/commands.md', () => {
    expect(flagsByCommand(sections(file('docs/commands.md'), /^## sora (.+)$/m), HELP_FLAG)).toEqual(EXPECTED);
  });

  it('the man page', () => {
    const page = file('man/sora.1').replaceAll('\\-', '-');
    const [commands = '', globals = ''] = page.split('.SH GLOBAL OPTIONS');
    const bodies = sections(commands, /^\.SS sora ([a-z ]+?)(?= [<[]|$)/m);
    const flag = /^\.B (?:-\w, )?(--[a-z-]+)/gm;
    expect(flagsByCommand(bodies, flag)).toEqual(EXPECTED);
    const listed = flagsByCommand({ globals }, flag).globals ?? [];
    expect(sorted([...listed, '--help', '--version'])).toEqual(sorted([...GLOBAL_FLAGS, '--help', '--version']));
  });

  it('the skill', () => {
    const usages = [...file('skills/sora/SKILL.md').matchAll(/^\| `sora ([a-z ]+?)(?: [<[].*)?` \|/gm)];
    expect(usages.map(([, name]) => name)).toEqual(TREE.commands.map(({ name }) => name));
  });

  it('completion', async () => {
    const offered: Record<string, string[]> = {};
    for (const { name, arguments: args } of TREE.commands) {
      const words = name.split(' ');
      for (const at of words.keys()) expect(await completed(...words.slice(0, at), ''), name).toContain(words[at]);
      const filled = args.length > 0 ? ['x'] : [];
      const flags = await completed(...words, ...filled, '-');
      offered[name] = sorted(flags.filter((flag) => !GLOBAL_FLAGS.includes(flag) || EXPECTED[name]?.includes(flag)));
      expect(flags, name).toEqual(expect.arrayContaining(GLOBAL_FLAGS));
    }
    expect(offered).toEqual(EXPECTED);
  });

  it('the fenced examples of the README, the guides and the skill', () => {
    const guides = [
      'README.md',
      'docs/batch.md',
      'docs/serve.md',
      'docs/ci.md',
      'docs/agents.md',
      'skills/sora/SKILL.md',
    ];
    const names = new Set(TREE.commands.flatMap(({ name, aliases }) => [name, ...aliases]));
    const fences = guides.flatMap((guide) => [...file(guide).matchAll(/^```(?:sh|bash|console)\n([\s\S]*?)^```/gm)]);
    const calls = fences.flatMap(([, text = '']) => [...text.matchAll(/(?:^|[$&|;] )sora ([a-z][a-z ]*)/gm)]);
    expect(calls.length).toBeGreaterThan(20);
    for (const [call, words = ''] of calls) {
      const known = words
        .trim()
        .split(' ')
        .some((_, at, all) => names.has(all.slice(0, at + 1).join(' ')));
      expect(known, call).toBe(true);
    }
  });
});
