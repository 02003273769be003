import { collect } from '../app/collect.ts';
import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { findJob } from '../app/find-job.ts';
import { lookAtJob } from '../app/look-at-job.ts';
import { removeVideo } from '../app/remove-video.ts';
import { targetOption } from '../app/server.ts';
import { refuseLacking } from '../client/profile-client.ts';
import { knowledgeOf } from '../configuration/endpoint.ts';
import { SoraError } from '../domain/errors.ts';
import { commandAbout } from '../domain/shell.ts';
import { isTerminal } from '../domain/video.ts';
import { cleanLine } from '../output/clean-text.ts';

export const remove = defineCommand({
  name: 'delete',
  description: 'Removes finished videos from the server. Files that were saved stay where they are.',
  arguments: [{ form: '<id...>', summary: 'ids or submissions; @last is the newest' }],
  options: {},
  json: '{"deleted":["…"]}',
  errors: ['video_not_found', 'not_supported', 'content_not_ready'],
  examples: [
    ['sora delete video_123', 'remove one video from the server'],
    ['sora delete @last --json', 'remove the newest, and print which it was'],
  ],

  async run({ args }, context) {
    const { values: deleted, errors } = await collect(args, (name) => removeOne(name, context));
    const answer = { data: { deleted }, view: () => deleted.map((id) => `${cleanLine(id)}\n`).join('') };
    return { ...(deleted.length > 0 ? { answer } : {}), errors };
  },
});

async function removeOne(name: string, context: Context): Promise<string> {
  const found = await findJob(name, context);
  const { id, server } = found;
  refuseLacking(knowledgeOf(server.configuration), 'delete');
  const job = await lookAtJob(found, context);
  if (!isTerminal(job.status)) {
    throw new SoraError('content_not_ready', {
      title: 'the job has not ended; `delete` removes finished videos',
      jobId: id,
      hints: [`run \`${commandAbout(id, 'sora cancel', targetOption(server.identity))}\` to stop it`],
    });
  }
  await removeVideo(found, context);
  return id;
}
