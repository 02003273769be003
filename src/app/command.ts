import type { ErrorCode } from '../domain/catalogue.ts';
import type { SoraError } from '../domain/errors.ts';
import type { Answer } from '../output/output.ts';
import type { Context } from './context.ts';
import type { OptionSpecs, OptionValues } from './option-values.ts';

export interface ArgumentSpec {
  /** Commander’s form: `<prompt>`, `[id...]`. */
  readonly form: string;
  readonly summary: string;
}

export interface CommandInput<S extends OptionSpecs> {
  readonly args: readonly string[];
  readonly options: OptionValues<S>;
}

export interface CommandResult {
  /** Left out by a command that has written its answer itself. */
  readonly answer?: Answer;
  /** The errors beside the answer; the first determines the exit code. */
  readonly errors?: readonly SoraError[];
  /** For a command whose answer itself reports a problem. */
  readonly exitCode?: number;
}

/** A command as data and one function of (input, dependencies), which uses no globals. */
interface WrittenCommand<S extends OptionSpecs> {
  readonly name: string;
  readonly description: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: S;
  /** Whether it needs today's prices, which some servers list; without it, it uses those that are known. */
  usesPrices?(options: OptionValues<S>): boolean;
  /** The shape of the document that `--json` prints. */
  readonly json: string;
  /** Names with explanations, listed in the help. */
  readonly table?: readonly (readonly [name: string, summary: string])[];
  /** The error codes specific to this command, beyond those that any call can end with. */
  readonly errors: readonly ErrorCode[];
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** Each command declares the parts of the context that it uses, as `Pick<Context, …>`. */
  run(input: CommandInput<S>, deps: Context): Promise<CommandResult>;
}

export type CommandDefinition<S extends OptionSpecs = OptionSpecs> = WrittenCommand<S> &
  Required<Pick<WrittenCommand<S>, 'arguments' | 'options'>>;

/** A command’s place in the tree. Its definition is loaded when it is called. */
export interface CommandEntry {
  /** One word, or several for a subcommand. */
  readonly name: string;
  /** Another word for the last one of the name. */
  readonly alias?: string;
  /** Where `sora --help` lists it. */
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandDefinition>;
}

/** Keeps the literal types of the flags, from which the types of the values follow. */
export function defineCommand<const S extends OptionSpecs>(command: WrittenCommand<S>): CommandDefinition<S> {
  return { arguments: [], options: {} as S, ...command };
}
