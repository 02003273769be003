/** Just enough of an MP4 reader to check what the writer claims. */
const CONTAINERS = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'udta', 'ilst', '©nam'];

export interface Box {
  readonly type: string;
  /** Offset in the file of the box's contents. */
  readonly start: number;
  readonly body: DataView;
  readonly children: readonly Box[];
}

export function readBoxes(file: Uint8Array, from = 0, to = file.length): Box[] {
  const boxes: Box[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = from; at < to; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > to) throw new Error(`box at ${at} has impossible size ${size}`);
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString('latin1');
    const start = at + 8;
    const children = CONTAINERS.includes(type) ? readBoxes(file, start, at + size) : [];
    boxes.push({ type, start, body: new DataView(file.buffer, file.byteOffset + start, size - 8), children });
    at += size;
  }
  return boxes;
}

/** The boxes at a path of types such as `moov/trak/mdia`. */
export function findAll(boxes: readonly Box[], path: string): Box[] {
  const [type, ...rest] = path.split('/');
  const matches = boxes.filter((box) => box.type === type);
  return rest.length === 0 ? matches : matches.flatMap((box) => findAll(box.children, rest.join('/')));
}

export function findOne(boxes: readonly Box[], path: string): Box {
  const [box, ...others] = findAll(boxes, path);
  if (box === undefined || others.length > 0) throw new Error(`expected one ${path}, found ${others.length}`);
  return box;
}

/** A table of 32-bit numbers: its count at `countAt`, then rows of `columns`. */
export function readTable({ body }: Box, columns: number, countAt = 4): number[][] {
  const count = body.getUint32(countAt);
  return Array.from({ length: count }, (_, row) =>
    Array.from({ length: columns }, (_, column) => body.getUint32(countAt + 4 + 4 * (row * columns + column))),
  );
}

export interface SampleRange {
  readonly start: number;
  readonly end: number;
}

/** Where a track's samples lie in the file, worked out from stsc, stsz and stco. */
export function sampleRanges(track: Box): SampleRange[] {
  const table = (type: string, columns: number, countAt?: number): number[][] =>
    readTable(findOne(track.children, `mdia/minf/stbl/${type}`), columns, countAt);
  const runs = table('stsc', 3);
  const sizes = table('stsz', 1, 8).flat();
  const ranges: SampleRange[] = [];
  for (const [i, [offset = 0]] of table('stco', 1).entries()) {
    const run = runs.findLast(([firstChunk = 0]) => firstChunk <= i + 1);
    let start = offset;
    for (let n = 0; n < (run?.[1] ?? 0); n++) {
      const end = start + (sizes[ranges.length] ?? 0);
      ranges.push({ start, end });
      start = end;
    }
  }
  return ranges;
}
