import { type Host, Interrupt } from '../platform/host.ts';

type PromptHost = Pick<Host, 'stdin' | 'stderr' | 'interrupt'>;

/** Asks yes or no on a terminal; the default is no. */
export async function confirm(question: string, host: PromptHost): Promise<boolean> {
  const { default: ask } = await import('@inquirer/confirm');
  return answered(() => ask({ message: question, default: false }, contextOf(host)));
}

/** Asks for a secret on a terminal, without showing it. */
export async function askSecret(question: string, host: PromptHost): Promise<string> {
  const { default: ask } = await import('@inquirer/password');
  return answered(() => ask({ message: question, mask: false }, contextOf(host)));
}

/** Questions go to standard error: standard output holds the answer and nothing else. */
function contextOf({ stdin, stderr, interrupt }: PromptHost): {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  signal: AbortSignal;
} {
  return { input: stdin, output: stderr, signal: interrupt };
}

/** While a question stands, the terminal is raw and Ctrl-C arrives as an error of the library. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name))
      throw new Interrupt('SIGINT');
    throw error;
  }
}
