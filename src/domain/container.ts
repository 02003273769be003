import type { MediaKind } from './media.ts';

/**
 * The next step through a container: take some bytes, skip some, or skip to just after a certain byte. `missing` names what
 * is missing if the file ends during the step; null where it may end.
 */
type Step = { readonly missing: string | null } & (
  | { readonly take: number }
  | { readonly skip: number }
  | { readonly find: number }
);

/** Yields steps and receives the bytes taken. Returns at the end of the container, or where its structure is unknown. */
type Walk = Generator<Step, void, Uint8Array>;

const WALKS: Partial<Readonly<Record<MediaKind, () => Walk>>> = {
  mp4: walkBoxes,
  mov: walkBoxes,
  m4a: walkBoxes,
  avif: walkBoxes,
  heic: walkBoxes,
  webm: walkEbml,
  mkv: walkEbml,
  avi: walkRiff,
  webp: walkRiff,
  jpg: walkJpeg,
  png: walkPng,
  gif: walkGif,
};

/** Follows the structure of a media file as it arrives, in bounded memory, to detect a missing end. */
export class ContainerWalk {
  readonly #walk: Walk | undefined;
  #step: Step | null = null;
  /** Bytes of a `take` that is not complete. */
  #taken: Uint8Array[] = [];
  /** How many bytes the step still needs. */
  #wanted = 0;

  /** @param kind null for a file that is not checked */
  constructor(kind: MediaKind | null) {
    this.#walk = kind === null ? undefined : WALKS[kind]?.();
    this.#advance(NOTHING);
  }

  /** What is missing if the file ends here, such as `the end of its mdat box`; null if it is complete or of unknown structure. */
  get missing(): string | null {
    return this.#step?.missing ?? null;
  }

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && this.#step !== null; ) at += this.#consume(chunk.subarray(at));
  }

  /** Consumes the first of these bytes; returns how many. */
  #consume(bytes: Uint8Array): number {
    const step = this.#step;
    if (step === null) return bytes.length;
    if ('find' in step) {
      const at = bytes.indexOf(step.find);
      if (at >= 0) this.#advance(NOTHING);
      return at < 0 ? bytes.length : at + 1;
    }
    const used = Math.min(this.#wanted, bytes.length);
    if ('take' in step) this.#taken.push(bytes.slice(0, used));
    this.#wanted -= used;
    if (this.#wanted === 0) this.#advance(Buffer.concat(this.#taken));
    return used;
  }

  #advance(taken: Uint8Array): void {
    this.#taken = [];
    let next = this.#walk?.next(taken);
    while (next?.done === false && 'skip' in next.value && next.value.skip === 0) next = this.#walk?.next(NOTHING);
    this.#step = next === undefined || next.done ? null : next.value;
    if (this.#step !== null) this.#wanted = wantedBytes(this.#step);
  }
}

const NOTHING = new Uint8Array();

function wantedBytes(step: Step): number {
  return 'take' in step ? step.take : 'skip' in step ? step.skip : 1;
}

/** Known boxes; what precedes any other name may not be a size. */
const BOXES: ReadonlySet<string> = new Set(
  'ftyp styp moov moof mdat meta free skip wide uuid sidx mfra udta'.split(' '),
);

/** The largest `meta` box that is searched for its pictures. */
const MAX_META_BYTES = 1 << 20;

/** ISO 14496-12 and QuickTime: boxes that begin with their size and type. */
function* walkBoxes(): Walk {
  let hasIndex = false;
  let hasData = false;
  let isFragmented = false;
  const missing = (): string | null => (!hasData ? 'its media data' : !hasIndex ? 'its index (the moov box)' : null);
  for (;;) {
    // A few bytes may follow the last box, but in a fragmented file they are the beginning of the next one.
    const head = yield* takeBoxHead(missing(), missing() ?? (isFragmented ? 'the end of a box' : null));
    if (head === null) return;
    const { type, restBytes } = head;
    if (type === 'moov' || type === 'moof' || type === 'meta') hasIndex = true;
    if (type === 'styp' || type === 'moof') [isFragmented, hasData] = [true, false]; // their data follows
    if (type === 'meta' && restBytes > 0 && restBytes <= MAX_META_BYTES) {
      const meta = yield { take: restBytes, missing: endOf(type) };
      if (Buffer.from(meta).includes('idat')) hasData = true; // a picture may have its data in here
      continue;
    }
    if (type === 'mdat' || type === 'meta') hasData = true;
    const end = restBytes === Number.POSITIVE_INFINITY ? missing() : endOf(type);
    yield { skip: restBytes, missing: BOXES.has(type) ? end : null };
  }
}

/** Null for what is not a box; of a box that reaches to the end of the file, `restBytes` is infinite. */
function* takeBoxHead(
  missing: string | null,
  missingRest: string | null,
): Generator<Step, { type: string; restBytes: number } | null, Uint8Array> {
  const first = yield { take: 1, missing };
  const rest = yield { take: 7, missing: missingRest };
  const type = latin1(rest.subarray(3));
  if (!/^[ -~]{4}$/.test(type)) return null;
  const sizeBytes = uint(Buffer.concat([first, rest.subarray(0, 3)]));
  if (sizeBytes === 0) return { type, restBytes: Number.POSITIVE_INFINITY };
  const restBytes = sizeBytes === 1 ? uint(yield { take: 8, missing: missingRest }) - 16 : sizeBytes - 8;
  return restBytes < 0 ? null : { type, restBytes };
}

function endOf(type: string): string {
  return `the end of its ${type} box`;
}

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const ELEMENT_END = 'the end of an element';

/** Matroska and WebM: elements of an id and a size, which live streams leave unspecified for segments and clusters. */
function* walkEbml(): Walk {
  let missing: string | null = 'its media data';
  for (;;) {
    const id = yield* takeVint(missing);
    const size = yield* takeVint(ELEMENT_END);
    if (id === null || size === null) return;
    if (id.value === CLUSTER) missing = null;
    const marker = 2 ** (7 * size.lengthBytes);
    const sizeBytes = size.value - marker;
    if (sizeBytes === marker - 1) continue; // unspecified: its contents follow
    yield { skip: sizeBytes, missing: id.value === SEGMENT ? 'the end of its segment' : ELEMENT_END };
    if (id.value === SEGMENT) return;
  }
}

/** A number whose leading zero bits give its length, including its marker bit; null if it is not one. `missing` is for its first byte. */
function* takeVint(missing: string | null): Generator<Step, { value: number; lengthBytes: number } | null, Uint8Array> {
  const first = yield { take: 1, missing };
  const lengthBytes = Math.clz32(uint(first)) - 23;
  if (lengthBytes > 8) return null;
  const rest = lengthBytes === 1 ? NOTHING : yield { take: lengthBytes - 1, missing: ELEMENT_END };
  return { value: uint(Buffer.concat([first, rest])), lengthBytes };
}

/** AVI and WebP: one chunk, or several in a long AVI. */
function* walkRiff(): Walk {
  let missing: string | null = 'its media data';
  for (;;) {
    const head = yield { take: 8, missing };
    const sizeBytes = uint(head.subarray(4).reverse());
    // Writers that cannot seek back leave the size unspecified.
    if (latin1(head.subarray(0, 4)) !== 'RIFF' || sizeBytes === 0 || sizeBytes >= 0xff_ff_ff_00) return;
    yield { skip: sizeBytes, missing: 'the end of its RIFF data' };
    missing = null;
    if (sizeBytes % 2 === 1) yield { skip: 1, missing };
  }
}

const PNG_SIGNATURE_BYTES = 8;
const PNG_CHECKSUM_BYTES = 4;

function* walkPng(): Walk {
  const missing = 'its IEND chunk';
  yield { skip: PNG_SIGNATURE_BYTES, missing };
  for (let type = ''; type !== 'IEND'; ) {
    const head = yield { take: 8, missing };
    type = latin1(head.subarray(4));
    if (!/^[A-Za-z]{4}$/.test(type)) return;
    yield { skip: uint(head.subarray(0, 4)) + PNG_CHECKSUM_BYTES, missing };
  }
}

function* walkJpeg(): Walk {
  const missing = 'its end marker';
  const [start, end] = [0xd8, 0xd9];
  const isAlone = (marker: number): boolean =>
    marker === start || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
  for (let marker = 0; marker !== end; ) {
    // Up to the next marker comes coded data, where 0xff is followed by a zero.
    yield { find: 0xff, missing };
    do marker = uint(yield { take: 1, missing });
    while (marker === 0xff);
    if (marker === 0 || marker === end || isAlone(marker)) continue;
    const lengthBytes = uint(yield { take: 2, missing });
    if (lengthBytes < 2) return;
    yield { skip: lengthBytes - 2, missing };
  }
}

const GIF_SCREEN_BYTES = 13;

function* walkGif(): Walk {
  const missing = 'its trailer';
  const [extension, image, trailer] = [0x21, 0x2c, 0x3b];
  const screen = yield { take: GIF_SCREEN_BYTES, missing };
  yield { skip: colourTableBytes(screen[10]), missing };
  for (;;) {
    const block = uint(yield { take: 1, missing });
    if (block === trailer || (block !== extension && block !== image)) return;
    if (block === image) {
      const descriptor = yield { take: 9, missing };
      yield { skip: colourTableBytes(descriptor[8]), missing };
    }
    yield { skip: 1, missing }; // the label of an extension, or the code size of an image
    for (let sizeBytes = -1; sizeBytes !== 0; ) {
      sizeBytes = uint(yield { take: 1, missing });
      yield { skip: sizeBytes, missing };
    }
  }
}

function colourTableBytes(flags = 0): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** A big-endian number. */
function uint(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
