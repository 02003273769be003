import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BodyIntake } from '../../src/http-server/body-intake.ts';

function incoming(...chunks: readonly string[]): IncomingMessage {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  return Object.assign(stream, { headers: { 'transfer-encoding': 'chunked' } }) as unknown as IncomingMessage; // only what the test uses
}

describe('BodyIntake', () => {
  it('refuses bodies while others use all its memory, and accepts them afterwards', async () => {
    const intake = new BodyIntake(10);
    const read = async (body: Uint8Array): Promise<string> => String(body);
    let finish = (): void => {};
    let arrived = (): void => {};
    const hasArrived = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const first = intake.take(incoming('four', 'four'), (body) => {
      arrived();
      return new Promise<string>((resolve) => {
        finish = () => resolve(String(body));
      });
    });
    await hasArrived;
    const crowdedOut = { details: { status: 503, headers: { 'retry-after': '1' } } };
    await expect(intake.take(incoming('f', 'our'), read)).rejects.toMatchObject(crowdedOut);
    expect(await intake.take(incoming('xx'), read)).toBe('xx');
    finish();
    expect(await first).toBe('fourfour');
    expect(await intake.take(incoming('ten', ' ', 'bytes.'), read)).toBe('ten bytes.');
  });

  it('releases memory when senders disconnect', async () => {
    const intake = new BodyIntake(4);
    const broken = new Error('aborted');
    const torn = incoming('four');
    torn.once('data', () => torn.destroy(broken));
    await expect(intake.take(torn, async () => 'answered')).rejects.toBe(broken);
    expect(await intake.take(incoming('four'), async (body) => String(body))).toBe('four');
  });
});
