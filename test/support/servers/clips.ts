import type { ReplyParts } from '../scripted-server.ts';
import { CLIP } from '../videos-server.ts';

/** A minimal AVI and WebP: 4096 and 256 bytes after the length. */
const AVI = Buffer.from('RIFF\0\x10\0\0AVI LIST'.padEnd(4_104, 'x'), 'latin1');
const WEBP = Buffer.from('RIFF\0\x01\0\0WEBPVP8 '.padEnd(264, 'x'), 'latin1');

export const mp4: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: CLIP };
export const mp4Base64 = CLIP.toString('base64');
/** Served with the wrong type, as observed. */
export const avi: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: AVI };
export const webp: ReplyParts = { headers: { 'content-type': 'image/webp' }, body: WEBP };
