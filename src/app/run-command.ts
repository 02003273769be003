import { messageOf, SoraError } from '../domain/errors.ts';
import { Interrupt } from '../platform/host.ts';
import type { CommandDefinition, CommandInput, CommandResult } from './command.ts';
import type { Context } from './context.ts';
import type { OptionSpecs } from './option-values.ts';

/** Runs a command. Never rejects: the result contains what the command throws as an error. */
export async function runCommand(
  definition: CommandDefinition,
  input: CommandInput<OptionSpecs>,
  context: Context,
): Promise<CommandResult> {
  try {
    await context.servers.checkFault();
    if (definition.usesPrices?.(input.options)) await (await import('./model-list.ts')).learnPrices(context);
    return await definition.run(input, context);
  } catch (thrown) {
    return { errors: [asSoraError(thrown)] };
  }
}

export function asSoraError(thrown: unknown): SoraError {
  if (thrown instanceof SoraError) return thrown;
  if (thrown instanceof Interrupt) return new SoraError('interrupted', { cause: thrown });
  return new SoraError('unexpected', { causedBy: messageOf(thrown), cause: thrown });
}
