import type { Variant } from './video.ts';

/** The media types of the kinds of files that the first bytes show; each kind is also the usual extension. */
const MEDIA_TYPES = {
  mp4: 'video/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  avi: 'video/x-msvideo',
  mpg: 'video/mpeg',
  ts: 'video/mp2t',
  ogv: 'video/ogg',
  flv: 'video/x-flv',
  wmv: 'video/x-ms-wmv',
  gif: 'image/gif',
  webp: 'image/webp',
  jpg: 'image/jpeg',
  png: 'image/png',
  avif: 'image/avif',
  heic: 'image/heic',
  m4a: 'audio/mp4',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
} as const;

export type MediaKind = keyof typeof MEDIA_TYPES;

export function mediaTypeOf(kind: MediaKind): string {
  return MEDIA_TYPES[kind];
}

/** The type of reference that a file of this kind is. Some servers deliver videos as GIF animations. */
export function mediaOf(kind: MediaKind): 'image' | 'video' | 'audio' {
  const [media] = MEDIA_TYPES[kind].split('/') as ['image' | 'video' | 'audio'];
  return kind === 'gif' ? 'video' : media;
}

/** `a png file`, `an m4a file`: the article follows the sound, and most of these names are spelled out. */
export function describeKind(kind: MediaKind): string {
  return `${/^([aeo]|f|m[^o])/.test(kind) ? 'an' : 'a'} ${kind} file`;
}

/** How many bytes `sniffMedia` needs. */
export const SNIFF_BYTES = 192;
const TS_PACKET_BYTES = 188;

const SIGNATURES: readonly (readonly [signature: string, kind: MediaKind])[] = [
  ['\xff\xd8\xff', 'jpg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['GIF8', 'gif'],
  ['OggS', 'ogv'],
  ['FLV\x01', 'flv'],
  ['\x00\x00\x01\xba', 'mpg'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'wmv'],
];

/** The boxes that a file without `ftyp` may begin with: QuickTime before 2001, and fragments of MP4. */
const MOV_BOX = /^(wide|mdat|pnot|skip)$/;
const MP4_BOX = /^(moov|free|styp|sidx|moof)$/;

const BRANDS: Readonly<Record<string, MediaKind>> = {
  'qt  ': 'mov',
  avif: 'avif',
  avis: 'avif',
  heic: 'heic',
  heix: 'heic',
  mif1: 'heic',
  'M4A ': 'm4a',
  'M4B ': 'm4a',
};

/** Names a media file by its magic bytes; null for a page, a message or anything else. Types in headers are not trusted. */
export function sniffMedia(head: Uint8Array): MediaKind | null {
  const text = Buffer.from(head.subarray(0, SNIFF_BYTES)).toString('latin1');
  const kind = SIGNATURES.find(([signature]) => text.startsWith(signature))?.[1];
  if (kind !== undefined) return kind;
  if (text.startsWith('RIFF')) return text.startsWith('AVI ', 8) ? 'avi' : text.startsWith('WEBP', 8) ? 'webp' : null;
  if (text.startsWith('\x1a\x45\xdf\xa3')) return text.includes('matroska') ? 'mkv' : 'webm';
  if (text.startsWith('G') && text[TS_PACKET_BYTES] === 'G') return 'ts';
  return kindOfBoxes(text);
}

function kindOfBoxes(text: string): MediaKind | null {
  const box = text.slice(4, 8);
  if (box === 'ftyp') return BRANDS[text.slice(8, 12)] ?? 'mp4';
  if (/^[ -~]{4}/.test(text)) return null; // "The free quota is used up"
  return MOV_BOX.test(box) ? 'mov' : MP4_BOX.test(box) ? 'mp4' : null;
}

/** Whether a file of this kind can be a variant of a video. */
export function fitsVariant(kind: MediaKind, variant: Variant): boolean {
  return kind === 'gif' || mediaOf(kind) === (variant === 'video' ? 'video' : 'image');
}

const OTHER_EXTENSIONS: ReadonlyMap<string, MediaKind> = new Map([
  ['m4v', 'mp4'],
  ['jpeg', 'jpg'],
  ['mpeg', 'mpg'],
  ['m2ts', 'ts'],
  ['heif', 'heic'],
]);

/** The kind that a file's extension (`mp4`, in any case) declares; null for an unknown one. */
export function promisedKind(extension: string): MediaKind | null {
  const name = extension.toLowerCase();
  return Object.hasOwn(MEDIA_TYPES, name) ? (name as MediaKind) : (OTHER_EXTENSIONS.get(name) ?? null);
}
