/** What a file's first bytes say it is. */
export type MediaKind = 'mp4' | 'mov' | 'webm' | 'avi' | 'webp' | 'jpg' | 'png' | 'gif';

const VIDEO_KINDS: ReadonlySet<MediaKind> = new Set(['mp4', 'mov', 'webm', 'avi']);

/** How many bytes `sniffMedia` wants to see. */
export const SNIFF_BYTES = 16;

/** Names a media file by its magic bytes; null for a page, a message or anything else. Types in headers are not trusted. */
export function sniffMedia(head: Uint8Array): MediaKind | null {
  const text = (from: number, to: number): string => String.fromCharCode(...head.subarray(from, to));
  if (text(4, 8) === 'ftyp') return text(8, 12) === 'qt  ' ? 'mov' : 'mp4';
  if (text(0, 4) === 'RIFF') return text(8, 12) === 'AVI ' ? 'avi' : text(8, 12) === 'WEBP' ? 'webp' : null;
  if (text(0, 4) === '\x1a\x45\xdf\xa3') return 'webm';
  if (text(0, 3) === '\xff\xd8\xff') return 'jpg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  return text(0, 4) === 'GIF8' ? 'gif' : null;
}

export function isVideo(kind: MediaKind): boolean {
  return VIDEO_KINDS.has(kind);
}
