import { spawn } from 'node:child_process';
import { hasCode } from './files.ts';

/** An opener that runs longer has started a player and waits for it. */
const SETTLED_MS = 2_000;

export interface Opener {
  readonly command: string;
  readonly args: readonly string[];
  /** Windows Explorer exits with 1 even when it has opened a file. */
  readonly reportsFailure: boolean;
}

/**
 * The program that opens a file as a double click would. Throws where there is no display to show anything on.
 * `path` is absolute, so it cannot be parsed as an option.
 */
export function openerFor(
  path: string,
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): Opener {
  if (platform === 'darwin') return { command: 'open', args: [path], reportsFailure: true };
  // In quotes, because Explorer splits its arguments at commas; names on Windows contain no quotes.
  if (platform === 'win32') return { command: 'explorer.exe', args: [`"${path}"`], reportsFailure: false };
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY)
    throw new Error('there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)');
  return { command: 'xdg-open', args: [path], reportsFailure: true };
}

/** Opens a file in the system's program for its kind, without a shell. Rejects with the reason if that fails. */
export function openFile(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { command, args, reportsFailure } = openerFor(path, process.platform, process.env);
    const child = spawn(command, args, { detached: true, stdio: 'ignore', windowsVerbatimArguments: true });
    child.unref();
    const settled = setTimeout(resolve, SETTLED_MS);
    child.once('error', (error) => {
      clearTimeout(settled);
      reject(hasCode(error, 'ENOENT') ? new Error(`the program \`${command}\` is not installed`) : error);
    });
    child.once('exit', (code) => {
      clearTimeout(settled);
      if (code === 0 || !reportsFailure) resolve();
      else reject(new Error(`\`${command}\` failed${code === null ? '' : ` with exit code ${code}`}`));
    });
  });
}
