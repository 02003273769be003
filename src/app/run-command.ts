import { messageOf, SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { shellWord } from '../domain/shell.ts';
import { Interrupt } from '../platform/host.ts';
import type { CommandDefinition, CommandInput, CommandResult } from './command.ts';
import type { Context } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import type { OptionSpecs } from './option-values.ts';

/** Runs a command. Never rejects: the result contains what the command throws as an error. */
export async function runCommand(
  definition: CommandDefinition,
  input: CommandInput<OptionSpecs>,
  context: Context,
): Promise<CommandResult> {
  const hinted = (error: SoraError): SoraError => onSameServer(ofCommand(error, definition), context.options);
  try {
    await context.servers.checkFault();
    if (definition.usesPrices?.(input.options)) await (await import('./model-list.ts')).learnPrices(context);
    const { errors = [], ...result } = await definition.run(input, context);
    return { ...result, errors: errors.map(hinted) };
  } catch (thrown) {
    return { errors: [hinted(asSoraError(thrown))] };
  }
}

/** The error with the catalogue's hint about usage pointing to the help of the command. */
function ofCommand(error: SoraError, { name }: CommandDefinition): SoraError {
  if (error.code !== 'usage') return error;
  const [general] = hintsFor('usage');
  const [own = ''] = hintsFor('usage', { command: name });
  return error.with({ hints: error.hints.map((hint) => (hint === general ? own : hint)) });
}

/** A command that looks at a server, in a hint that names none. */
const LOOK_WITHOUT_SERVER =
  /`sora (list|models|doctor|create --from [^` ]+)(?=[ `])(?![^`]*--(simulate|profile|base-url|local|all-profiles|help))/g;

/** The error with hints whose commands use the server that the command line named. */
function onSameServer(error: SoraError, { simulate, profile, baseUrl }: GlobalOptions): SoraError {
  const others = baseUrl === undefined ? '' : ` --base-url ${shellWord(baseUrl)}`;
  const server = simulate
    ? ' --simulate'
    : profile === undefined
      ? others
      : ` --profile ${shellWord(profile)}${others}`;
  if (server === '') return error;
  return error.with({ hints: error.hints.map((hint) => hint.replace(LOOK_WITHOUT_SERVER, (look) => look + server)) });
}

export function asSoraError(thrown: unknown): SoraError {
  if (thrown instanceof SoraError) return thrown;
  if (thrown instanceof Interrupt) return new SoraError('interrupted', { cause: thrown });
  return new SoraError('unexpected', { causedBy: messageOf(thrown), cause: thrown });
}
