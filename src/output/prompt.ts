import { type InputStream, Interrupt, type OutputStream } from '../platform/host.ts';

export interface PromptStreams {
  readonly stdin: InputStream;
  readonly stderr: OutputStream;
  readonly signal: AbortSignal;
}

/** Asks yes or no on a terminal; the default is no. */
export async function confirm(question: string, streams: PromptStreams): Promise<boolean> {
  const { default: ask } = await import('@inquirer/confirm');
  return answered(() => ask({ message: question, default: false }, contextOf(streams)));
}

/** Asks for a secret on a terminal, without showing it. */
export async function askSecret(question: string, streams: PromptStreams): Promise<string> {
  const { default: ask } = await import('@inquirer/password');
  return answered(() => ask({ message: question, mask: false }, contextOf(streams)));
}

/** Questions go to standard error: standard output holds the answer and nothing else. */
function contextOf({ stdin, stderr, signal }: PromptStreams): {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  signal: AbortSignal;
} {
  return { input: stdin, output: stderr, signal };
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
