import type { ReplyParts } from '../scripted-server.ts';
import { CLIP } from '../videos-server.ts';

/** An AVI and a WebP of nothing but their frame: 4096 and 256 bytes behind the length. */
const AVI = Buffer.from('RIFF\0\x10\0\0AVI LIST'.padEnd(4_104, 'x'), 'latin1');
const WEBP = Buffer.from('RIFF\0\x01\0\0WEBPVP8 '.padEnd(264, 'x'), 'latin1');

export const mp4: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: CLIP };
export const mp4Base64 = CLIP.toString('base64');
/** Under a type that lies, as it was seen. */
export const avi: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: AVI };
export const webp: ReplyParts = { headers: { 'content-type': 'image/webp' }, body: WEBP };
