import { defineCommand, forEach } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import type { KnownJobs } from '../app/known-jobs.ts';
import { targetOption } from '../app/servers.ts';
import { capabilitiesOf } from '../configuration/endpoint.ts';
import { SoraError } from '../domain/errors.ts';
import { requireCapability } from '../domain/request-gate.ts';
import { commandAbout } from '../domain/shell.ts';
import { isTerminal } from '../domain/video.ts';
import { cleanLine } from '../output/clean-text.ts';

export const deleteCommand = defineCommand({
  name: 'delete',
  description: 'Deletes finished videos from the server. Saved files are kept.',
  arguments: [{ form: '<id...>', summary: 'ids or submissions; @last is the newest job' }],
  options: {},
  json: '{"deleted":["…"]}',
  errors: ['video_not_found', 'not_supported', 'content_not_ready'],
  examples: [
    ['sora delete video_123', 'delete one video from the server'],
    ['sora delete @last --json', 'delete the newest, and print its id'],
  ],

  async run({ args }, { jobs }: Pick<Context, 'jobs'>) {
    const { values: deleted, errors } = await forEach(args, (name) => removeOne(name, jobs));
    const answer = { data: { deleted }, view: () => deleted.map((id) => `${cleanLine(id)}\n`).join('') };
    return { ...(deleted.length > 0 ? { answer } : {}), errors };
  },
});

async function removeOne(name: string, jobs: KnownJobs): Promise<string> {
  const found = await jobs.find(name);
  const { id, server } = found;
  requireCapability('delete', capabilitiesOf(server.configuration));
  const job = await jobs.look(found);
  if (!isTerminal(job.status)) {
    throw new SoraError('content_not_ready', {
      title: 'the job is still running; `delete` only deletes finished videos',
      jobId: id,
      hints: [`run \`${commandAbout(id, 'sora cancel', targetOption(server.identity))}\` to stop it`],
    });
  }
  await jobs.delete(found);
  return id;
}
