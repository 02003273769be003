import { isAbsolute } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { isObjectAddress } from '../domain/object-address.ts';
import type { SavedFile } from '../domain/record.ts';
import { shortPath } from '../output/short-path.ts';
import type { Context } from './context.ts';

type OpenDeps = Pick<Context, 'host' | 'output' | 'objects'>;

/** The saved file to open: the newest video, else the newest picture. */
export function fileToOpen(files: readonly SavedFile[]): SavedFile | undefined {
  return files.findLast(({ variant }) => variant === 'video') ?? files.at(-1);
}

/** Opens a file, an address or a link to an object in the system's program for it; returns the error if that fails. */
export async function openInPlayer(
  path: string,
  { host, objects }: Pick<Context, 'host' | 'objects'>,
): Promise<SoraError | null> {
  try {
    await host.openFile(isObjectAddress(path) ? (await objects.link(path)).url : path);
    return null;
  } catch (error) {
    return new SoraError('not_supported', {
      title: `could not open ${isAbsolute(path) ? shortPath(path, host.cwd) : path}`,
      causedBy: messageOf(error),
      hints: ['open the printed path in a player of your choice'],
    });
  }
}

/** `--open`: the path is already printed, so a failure is only a note. */
export async function openSaved(path: string, deps: OpenDeps): Promise<void> {
  if (deps.host.env.CI) {
    deps.output.note('`--open` is ignored where CI is set');
    return;
  }
  const failure = await openInPlayer(path, deps);
  if (failure !== null) deps.output.note(`${failure.message}: ${failure.causedBy}`);
}
