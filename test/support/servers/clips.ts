import type { ReplyParts } from '../scripted-server.ts';
import { CLIP } from '../videos-server.ts';

/** As much of an AVI as is looked at. */
const AVI = Buffer.concat([Buffer.from('RIFF\0\x10\0\0AVI LIST', 'latin1'), Buffer.alloc(4_000, 9)]);
const WEBP = Buffer.concat([Buffer.from('RIFF\0\x01\0\0WEBPVP8 ', 'latin1'), Buffer.alloc(200, 5)]);

export const mp4: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: CLIP };
export const mp4Base64 = CLIP.toString('base64');
/** Under a type that lies, as it was seen. */
export const avi: ReplyParts = { headers: { 'content-type': 'video/mp4' }, body: AVI };
export const webp: ReplyParts = { headers: { 'content-type': 'image/webp' }, body: WEBP };
