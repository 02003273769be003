import type { CommandEntry } from './app/command.ts';
import { GLOBAL_OPTIONS } from './app/global-options.ts';
import type { OptionSpec, OptionSpecs } from './app/option-values.ts';
import { ERROR_CODES, errorEntry } from './domain/catalogue.ts';
import { EXIT_CODES } from './domain/errors.ts';
import { answerSchemas } from './output/shape-schema.ts';

/** `sora --help --json`: the whole interface as data. Keys are added to, never changed. */
export async function describeProgram(entries: readonly CommandEntry[], version: string): Promise<object> {
  return {
    name: 'sora',
    version,
    global_options: optionsOf(GLOBAL_OPTIONS),
    commands: await Promise.all(entries.map(describeEntry)),
    exit_codes: EXIT_CODES.flatMap(([codes, meaning]) =>
      codes.split(', ').map((code) => ({ code: Number(code), meaning })),
    ),
    errors: ERROR_CODES.map((code) => {
      const { title, explanation, exitCode, retryable } = errorEntry(code);
      return { code, title, explanation, exit_code: exitCode, retryable };
    }),
  };
}

/** `sora COMMAND --help --json`. */
export async function describeEntry({ name, summary, alias, load }: CommandEntry): Promise<object> {
  const { description, options, json, errors, examples, table, ...definition } = await load();
  return {
    name,
    aliases: alias === undefined ? [] : [alias],
    summary,
    description,
    arguments: definition.arguments.map(({ form, summary }) => ({
      name: form.replace(/[<>[\].]/g, ''),
      required: form.startsWith('<'),
      variadic: form.includes('...'),
      summary,
    })),
    options: optionsOf(options),
    answers: answerSchemas(json),
    errors,
    examples: examples.map(([command, does]) => ({ command, does })),
    ...(table === undefined ? {} : { settings: table.map(([name, summary]) => ({ name, summary })) }),
  };
}

function optionsOf(specs: OptionSpecs): object[] {
  return Object.values(specs).map(describeOption);
}

function describeOption({ flags, summary, choices, repeatable, group }: OptionSpec): object {
  const value = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? null;
  const names = flags.replace(/\s*[<[].*$/, '').split(/,\s*/);
  return {
    name: names.find((name) => name.startsWith('--')) ?? null,
    short: names.find((name) => !name.startsWith('--')) ?? null,
    type: value === null ? 'boolean' : 'string',
    value,
    choices: choices ?? null,
    repeatable: repeatable ?? false,
    summary,
    group: group?.replace(/:$/, '') ?? null,
  };
}
