import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { createCommandLine } from './support/command-line.ts';

interface Option {
  readonly name: string;
  readonly short: string | null;
  readonly value: string | null;
}

interface Described {
  readonly name: string;
  readonly options: readonly Option[];
  readonly answers: readonly { readonly when: string | null; readonly schema: object }[];
  readonly errors: readonly string[];
  readonly examples: readonly { readonly command: string }[];
}

interface Tree {
  readonly commands: readonly Described[];
  readonly exit_codes: readonly { readonly code: number }[];
  readonly errors: readonly { readonly code: string; readonly exit_code: number }[];
}

async function tree(): Promise<Tree> {
  return (await createCommandLine().run(['--help', '--json'])).json();
}

function schemaFor(command: Described | undefined, when: string | null): object {
  return command?.answers.find((answer) => answer.when === when)?.schema ?? { not: {} };
}

function described(commands: readonly Described[], name: string): Described | undefined {
  return commands.find((command) => command.name === name);
}

describe('sora --help --json', () => {
  it('contains the examples of the help texts, and an exit code for every error', async () => {
    const { commands, exit_codes: exitCodes, errors } = await tree();
    const sora = createCommandLine();
    for (const command of commands) {
      const { stdout } = await sora.run([...command.name.split(' '), '--help']);
      for (const { command: example } of command.examples)
        expect(stdout.replace(/\s+/g, ' ')).toContain(example.replace(/\s+/g, ' '));
    }
    const codes = exitCodes.map(({ code }) => code);
    for (const { exit_code: exitCode } of errors) expect([...codes, 130]).toContain(exitCode);
  });

  it('describes a single command when one is named', async () => {
    const create = (await createCommandLine().run(['create', '--json', '--help'])).json<Described>();
    expect(create.name).toBe('create');
    expect(create.options).toContainEqual(
      expect.objectContaining({ name: '--output', short: '-o', value: expect.stringContaining('file|dir') }),
    );
  });

  it('has schemas that match what the commands print', async () => {
    const { commands } = await tree();
    const sora = createCommandLine();
    const small = ['--simulate', '-m', 'small', '--size', '64x36', '-d', '1', '--json'];
    const answers: readonly (readonly [name: string, argv: readonly string[], when?: string])[] = [
      ['create', ['create', 'a boat', ...small]],
      ['create', ['create', 'a boat', '--dry-run', ...small], 'with --dry-run'],
      ['create', ['create', 'two boats', '--count', '2', '-o', 'out/', ...small], 'with --count'],
      ['status', ['status', '@last', '--simulate', '--json']],
      ['list', ['list', '--simulate', '--json']],
      ['doctor', ['doctor', '--simulate', '--json']],
      ['config list', ['config', 'list', '--json']],
      ['config path', ['config', 'path', '--json']],
      ['cost', ['cost', '--json']],
      ['models', ['models', '--simulate', '--json']],
      ['batch', ['batch', '-', '-o', 'out/', ...small]],
      ['batch', ['batch', '-', '-o', 'out/', ...small], 'finally'],
      ['film', ['film', '-', '-o', 'lost.mp4', '--fault', 'moderation_blocked', '-y', ...small]],
    ];
    const ajv = addFormats.default(new Ajv.default({ strict: false }));
    for (const [name, argv, when = null] of answers) {
      const { stdout } = await sora.run(argv, { stdin: 'a boat' });
      const isValid = ajv.compile(schemaFor(described(commands, name), when));
      const lines = name === 'batch' ? stdout.trim().split('\n') : [stdout];
      const document = lines.at(when === 'finally' ? -1 : 0) ?? '';
      expect(isValid(JSON.parse(document)), `${argv.join(' ')}: ${JSON.stringify(isValid.errors)}`).toBe(true);
    }
    const { required } = Object(schemaFor(described(commands, 'create'), null));
    for (const name of ['status', 'list', 'download', 'cancel']) {
      const many = described(commands, name)?.answers.map(
        ({ schema }) => Object(schema).properties.jobs?.items.required,
      );
      expect(many, name).toContainEqual(required);
    }
    for (const command of commands) {
      // These commands print no JSON document.
      if (!['init', 'mcp', 'completion'].includes(command.name)) expect(command.answers, command.name).not.toEqual([]);
    }
  });
});
