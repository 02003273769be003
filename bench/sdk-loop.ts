// A script without `sora`: the plain openai SDK, several videos at a time, no ledger, no checks, no resume.
// `sdk-loop.ts BASE_URL COUNT CONCURRENCY FOLDER`
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';

const [baseURL = '', count = '', concurrency = '', folder = ''] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'none' });
let begun = 0;

async function work(): Promise<void> {
  while (begun < Number(count)) {
    const at = begun++;
    let video = await client.videos.create({ prompt: `scene ${at}`, model: 'sora-2', seconds: '4', size: '1280x720' });
    while (video.status === 'queued' || video.status === 'in_progress') video = await client.videos.retrieve(video.id);
    const content = await client.videos.downloadContent(video.id);
    await writeFile(join(folder, `${video.id}.mp4`), Buffer.from(await content.arrayBuffer()));
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, work));
