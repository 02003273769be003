import type { CommandInput } from './app/command.ts';
import type { GlobalOptions } from './app/global-options.ts';
import type { OptionSpecs } from './app/option-values.ts';
import { asSoraError, runCommand } from './app/run-command.ts';
import { exitCodeFor, type SoraError } from './domain/errors.ts';
import { Output } from './output/output.ts';
import { type Host, Interrupt, type InterruptName } from './platform/host.ts';
import { parseCommandLine } from './program.ts';
import { hintsAboutQuotes } from './usage-errors.ts';

/** What a shell reports for these signals; any other has the code of `interrupted`. */
const ENDED_BY: Partial<Record<InterruptName, number>> = { SIGTERM: 143, SIGHUP: 129 };

/** Runs one command line and returns its exit code. The one place that catches, prints an error and picks the code. */
export async function runCli(host: Host): Promise<number> {
  const [first, second, ...words] = host.argv;
  if (first === 'complete' && second === '--') {
    const { complete } = await import('./complete.ts');
    await complete(host, words);
    return 0;
  }
  let output = new Output(host, outputOptions(guessGlobals(host.argv), host.env));
  try {
    const invocation = await parseCommandLine(host.argv, {
      version: host.version,
      writeOut: (text) => host.stdout.write(text),
      columns: host.stdout.columns || 80,
      homeDir: host.homeDir,
    });
    if (invocation === null) return 0;
    const { definition, args, options, globals } = invocation;
    output = new Output(host, outputOptions(globals, host.env));
    // Loaded after help was handled, which does not need it.
    const { Context } = await import('./app/context.ts');
    const input = { args, options } as CommandInput<OptionSpecs>; // parsed according to the definition's flags
    const context = new Context(host, globals, output);
    const { answer, errors = [], exitCode = 0 } = await runCommand(definition, input, context);
    if (answer !== undefined) await output.answer(answer);
    const [first, ...rest] = errors;
    if (options.notify) output.notify(`${definition.name}: ${first?.message ?? 'done'}`);
    return first === undefined ? exitCode : await fail([first, ...rest], host, output);
  } catch (thrown) {
    return fail([asSoraError(thrown)], host, output);
  }
}

async function fail(
  [error, ...others]: readonly [SoraError, ...SoraError[]],
  { argv }: Host,
  output: Output,
): Promise<number> {
  const code = exitCodeOf(error);
  const first = code === 2 ? error.with({ hints: [...hintsAboutQuotes(argv), ...error.hints] }) : error;
  if (first.code === 'unexpected') output.debug('error', 'unexpected', { stack: stackOf(first.cause) });
  await output.errors([first, ...others]);
  return code;
}

function outputOptions({ json, quiet, debug, color }: GlobalOptions, env: Host['env']): Output['options'] {
  return {
    json: json ?? false,
    quiet: quiet ?? false,
    debug: debug === true || env.LOG_LEVEL?.toLowerCase() === 'debug',
    color: color === 'always' || color === 'never' ? color : 'auto',
  };
}

/** A best guess at the global options, to print the errors of an invalid command line. */
function guessGlobals(argv: readonly string[]): GlobalOptions {
  const at = argv.indexOf('--');
  const before = at === -1 ? argv : argv.slice(0, at);
  return { json: before.includes('--json'), color: before.includes('--color=never') ? 'never' : 'auto' };
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

function exitCodeOf(error: SoraError): number {
  const endedBy = error.cause instanceof Interrupt ? ENDED_BY[error.cause.signal] : undefined;
  return endedBy ?? exitCodeFor(error);
}
