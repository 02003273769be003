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

/** ISO 14496-12 and QuickTime: boxes that begin with their size and type. */
function* walkBoxes(): Walk {
  let hasIndex = false;
  let hasData = false;
  const missing = (): string | null => (!hasData ? 'its media data' : !hasIndex ? 'its index (the moov box)' : null);
  for (;;) {
    const head = yield { take: 8, missing: missing() };
    const type = latin1(head.subarray(4));
    if (!/^[ -~]{4}$/.test(type)) return;
    const isLarge = uint(head.subarray(0, 4)) === 1;
    const sizeBytes = isLarge ? uint(yield { take: 8, missing: missing() }) : uint(head.subarray(0, 4));
    if (type === 'mdat') hasData = true;
    if (type === 'moov') hasIndex = true;
    if (type === 'moof') [hasIndex, hasData] = [true, false]; // its data follows
    if (type === 'meta') [hasIndex, hasData] = [true, true]; // a picture may have all its data in here
    if (sizeBytes === 0) yield { skip: Number.POSITIVE_INFINITY, missing: missing() }; // up to the end of the file
    const restBytes = sizeBytes - (isLarge ? 16 : 8);
    if (restBytes < 0) return;
    yield { skip: restBytes, missing: BOXES.has(type) ? `the end of its ${type} box` : null };
  }
}

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;

/** Matroska and WebM: elements of an id and a size, which live streams leave unspecified for segments and clusters. */
function* walkEbml(): Walk {
  let missing: string | null = 'its media data';
  for (;;) {
    const id = yield* takeVint(missing);
    const size = yield* takeVint(missing);
    if (id === null || size === null) return;
    if (id.value === CLUSTER) missing = null;
    const marker = 2 ** (7 * size.lengthBytes);
    const sizeBytes = size.value - marker;
    if (sizeBytes === marker - 1) continue; // unspecified: its contents follow
    yield { skip: sizeBytes, missing: id.value === SEGMENT ? 'the end of its segment' : 'the end of an element' };
    if (id.value === SEGMENT) return;
  }
}

/** A number whose leading zero bits give its length, including its marker bit; null if it is not one. */
function* takeVint(missing: string | null): Generator<Step, { value: number; lengthBytes: number } | null, Uint8Array> {
  const first = yield { take: 1, missing };
  const lengthBytes = Math.clz32(uint(first)) - 23;
  if (lengthBytes > 8) return null;
  const rest = lengthBytes === 1 ? NOTHING : yield { take: lengthBytes - 1, missing };
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
