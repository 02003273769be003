/** The facts about the picture in the index of an MP4 or QuickTime file. */
export interface MovieFacts {
  readonly seconds: number | null;
  /** `WIDTHxHEIGHT` in pixels; of the largest track. */
  readonly size: string | null;
}

/** The containers of the boxes that are read, from the outermost. */
const CONTAINERS = ['moov', 'trak'] as const;
const FIXED_ONE = 0x1_0000;

/** Length and size of a movie, as far as it states them. Reads no other kind of container. */
export function readMovieFacts(bytes: Uint8Array): MovieFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let seconds: number | null = null;
  let [width, height] = [0, 0];
  for (const { type, at, end } of boxesWithin(view, 0, view.byteLength)) {
    const isLong = at < end && view.getUint8(at) === 1; // version 1 has 64-bit times
    if (type === 'mvhd' && at + (isLong ? 32 : 20) <= end) {
      const timescale = view.getUint32(at + (isLong ? 20 : 12));
      const duration = isLong ? Number(view.getBigUint64(at + 24)) : view.getUint32(at + 16);
      seconds = timescale > 0 && duration > 0 ? duration / timescale : null;
    }
    if (type === 'tkhd' && end - at >= 84) {
      const track = [view.getUint32(end - 8) / FIXED_ONE, view.getUint32(end - 4) / FIXED_ONE] as const;
      if (track[0] * track[1] > width * height) [width, height] = track;
    }
  }
  return { seconds, size: width * height > 0 ? `${Math.round(width)}x${Math.round(height)}` : null };
}

interface Box {
  readonly type: string;
  /** Where its contents begin. */
  readonly at: number;
  readonly end: number;
}

/** The boxes of a range, each container followed by its contents; ends where the structure is unknown. */
function* boxesWithin(view: DataView, start: number, end: number, depth = 0): Generator<Box> {
  for (let at = start; at + 8 <= end; ) {
    const isLarge = view.getUint32(at) === 1 && at + 16 <= end;
    const stated = isLarge ? Number(view.getBigUint64(at + 8)) : view.getUint32(at);
    const boxEnd = stated === 0 ? end : at + stated;
    const inner = at + (isLarge ? 16 : 8);
    if (boxEnd < inner || boxEnd > end) return;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((offset) => view.getUint8(at + offset)));
    yield { type, at: inner, end: boxEnd };
    if (type === CONTAINERS[depth]) yield* boxesWithin(view, inner, boxEnd, depth + 1);
    at = boxEnd;
  }
}
