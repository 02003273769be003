import { type Host, Interrupt } from '../platform/host.ts';

type PromptHost = Pick<Host, 'stdin' | 'stderr' | 'interrupt'>;

/** Asks yes or no on a terminal; the default is no. */
export async function confirm(question: string, host: PromptHost): Promise<boolean> {
  const { default: ask } = await import('@inquirer/confirm');
  return answered(() => ask({ message: question, default: false }, contextOf(host)));
}

/** Asks for a secret on a terminal, without showing it. */
export async function askSecret(
  question: string,
  host: PromptHost,
  fault: (text: string) => string | null = () => null,
): Promise<string> {
  const { default: ask } = await import('@inquirer/password');
  const validate = (text: string): string | true => fault(text.trim()) ?? true;
  const text = await answered(() => ask({ message: question, mask: false, validate }, contextOf(host)));
  return text.trim();
}

/** Asks for a text on a terminal; shows the problem that `fault` finds and asks again. */
export async function askText(
  question: string,
  { value, fault = () => null }: { value?: string | undefined; fault?: (text: string) => string | null },
  host: PromptHost,
): Promise<string> {
  const { default: ask } = await import('@inquirer/input');
  const validate = (text: string): string | true => fault(text.trim()) ?? true;
  const text = await answered(() => ask({ message: question, default: value, validate }, contextOf(host)));
  return text.trim();
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly name: string;
  /** Shown while the choice is selected. */
  readonly description?: string;
}

/** Asks on a terminal to choose one of several. */
export async function choose<T extends string>(
  question: string,
  choices: readonly Choice<T>[],
  value: T,
  host: PromptHost,
): Promise<T> {
  const { default: ask } = await import('@inquirer/select');
  const config = { message: question, choices, default: value, pageSize: choices.length, loop: false };
  return answered(() => ask<T>(config as Parameters<typeof ask<T>>[0], contextOf(host)));
}

/** Prompts go to standard error: standard output holds the answer and nothing else. */
function contextOf({ stdin, stderr, interrupt }: PromptHost) {
  return { input: stdin, output: stderr, signal: interrupt };
}

/** During a prompt the terminal is in raw mode, and Ctrl-C arrives as an error of the library. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && /^(ExitPromptError|AbortPromptError)$/.test(error.name))
      throw new Interrupt('SIGINT');
    throw error;
  }
}
