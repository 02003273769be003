import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ResumePoint } from '../client/port.ts';
import { ContainerWalk } from '../domain/container.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import { crypto } from '../platform/crypto.ts';
import { hasCode, openOutput } from '../platform/files.ts';
import { type ContentDeps, type ContentOrder, openChecked } from './content-stream.ts';
import { cannotWrite } from './destination.ts';
import { incomplete, joined, refuseExcess, retryWhileProgressing } from './transfer.ts';

/** Sends a video into a pipe or device. Throws `cannot_write` and what `downloadTo` throws. */
export function downloadInto(path: string, deps: ContentDeps, order: ContentOrder): Promise<void> {
  return writeInto(path, async (output) => void (await downloadTo(deps, order, output, path)), deps.signal);
}

/**
 * Sends a video to a stream, such as standard output, and returns what was sent; null if the reader left early. An
 * interrupted download resumes if the server supports it; written bytes cannot be undone. Throws `download_corrupt`, `cannot_write` and whatever the client throws.
 */
export async function downloadTo(
  deps: ContentDeps,
  order: ContentOrder,
  output: Writable,
  name = 'standard output',
): Promise<{ readonly bytes: number; readonly sha256: string } | null> {
  const hash = crypto().createHash('sha256');
  let sentBytes = 0;
  let isWhole = false;
  let resume: ResumePoint | null = null;
  let walk: ContainerWalk | null = null;
  const onWritten = (chunk: Uint8Array): void => {
    sentBytes += chunk.length;
    hash.update(chunk);
    walk?.feed(chunk);
  };
  const sendRest = async (): Promise<void> => {
    const content = await openChecked(
      deps,
      order,
      resume && sentBytes > 0 ? { resume: { ...resume, offsetBytes: sentBytes } } : {},
    );
    const { head, body, kind, totalBytes, validator } = content;
    if (content.offsetBytes !== sentBytes) {
      body.destroy();
      throw incomplete(order, `${sentBytes} bytes were written, and the server cannot resume after them`, false);
    }
    if (validator !== null) resume = { offsetBytes: 0, validator, totalBytes };
    walk ??= new ContainerWalk(kind);
    const onChunk = (chunk: Uint8Array): void => {
      refuseExcess(order, sentBytes + chunk.length, totalBytes);
      onWritten(chunk);
    };
    if (!(await pour(joined(head, body), output, name, onChunk))) return;
    if (totalBytes !== null && sentBytes !== totalBytes)
      throw incomplete(order, `${sentBytes} of ${totalBytes} bytes arrived`);
    if (walk.missing !== null) throw incomplete(order, `the ${kind} file is missing ${walk.missing}`);
    isWhole = true;
  };
  await retryWhileProgressing(deps, order, sendRest, () => sentBytes);
  return isWhole ? { bytes: sentBytes, sha256: hash.digest('hex') } : null;
}

/** Opens a pipe or device, writes to it, and closes it. Throws `cannot_write`. */
export async function writeInto(
  path: string,
  write: (output: Writable) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const output = await openOutput(path, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw cannotWrite(path, error);
  });
  output.on('error', () => {}); // reported by the write
  try {
    await write(output);
    if (!output.destroyed) await finished(output.end());
  } finally {
    output.destroy();
  }
}

/** Writes with back-pressure; false if the reader has closed the pipe (`| head`), which is not an error. */
export async function pour(
  source: AsyncIterable<Uint8Array>,
  output: Writable,
  name: string,
  onWritten: (chunk: Uint8Array) => void = () => {},
): Promise<boolean> {
  for await (const chunk of source) {
    onWritten(chunk);
    if (output.write(chunk)) continue;
    try {
      await once(output, 'drain');
    } catch (error) {
      if (hasCode(error, 'EPIPE')) return false;
      const title = `could not write ${name}`;
      throw new SoraError('cannot_write', { title, causedBy: messageOf(error), cause: error });
    }
  }
  return true;
}
