import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { deletedVideo, summaryOf } from '../app/known-jobs.ts';
import { fileToOpen, openInPlayer } from '../app/opening.ts';
import { targetOption } from '../app/servers.ts';
import { SoraError } from '../domain/errors.ts';
import { hasVideo, idOrKey, isOpen, STANDARD_OUTPUT } from '../domain/record.ts';
import { commandAbout } from '../domain/shell.ts';
import { looksWhole } from '../domain/short-id.ts';
import { shortPath } from '../output/short-path.ts';

export const openCommand = defineCommand({
  name: 'open',
  description:
    'Opens the saved file of a video in the system’s player, and prints its path. Uses the local ledger only; a video that is not saved is not downloaded. One that is saved to `s3://` is opened by a link.',
  arguments: [{ form: '<id>', summary: 'id, its unique ending, or @last for the newest job' }],
  json: '{"id","submission","path"}',
  errors: ['video_not_found', 'not_supported'],
  examples: [
    ['sora open @last', 'watch the newest video'],
    ['sora download video_123 --open', 'save a video, then watch it'],
  ],

  async run({ args: [name = ''] }, deps: Pick<Context, 'host' | 'jobs' | 'ledger' | 'objects' | 'configuration'>) {
    const { host, jobs, ledger, configuration } = deps;
    const record = await jobs.known(name);
    if (record === undefined) throw unknownVideo(name, configuration);
    const id = idOrKey(record);
    const file = fileToOpen(summaryOf(record.profile, record, null).files);
    if (file === undefined) {
      if (record.removed) throw deletedVideo(id);
      const isExpected = record.job !== null && (isOpen(record) || hasVideo(record));
      const [command, purpose] = isExpected ? ['download', 'to save it'] : ['status', 'to see what became of it'];
      const options = `${isExpected && isOpen(record) ? ' --wait' : ''}${targetOption(record)}`;
      const lost = fileToOpen(record.files.filter(({ path }) => path !== STANDARD_OUTPUT));
      throw new SoraError('video_not_found', {
        title: 'the video is not saved on this machine',
        causedBy: lost === undefined ? null : `${lost.path} was moved, changed or deleted`,
        jobId: id,
        hints: [`run \`${commandAbout(await ledger.shortId(id), `sora ${command}`, options)}\` ${purpose}`],
      });
    }
    const failure = await openInPlayer(file.path, deps);
    const data = { id: record.job?.id ?? null, submission: record.key, path: file.path };
    const answer = { data, view: () => `${shortPath(file.path, host.cwd)}\n` };
    return { answer, errors: failure === null ? [] : [failure.with({ jobId: id })] };
  },
});

/** A whole id may belong to a video created elsewhere, which can be saved. */
function unknownVideo(name: string, { profile, baseUrl }: Context['configuration']): SoraError {
  const target = targetOption({ profile: profile.value, baseUrl: baseUrl.value });
  const save = `run \`${commandAbout(name, 'sora download', target)}\` to save it if the server has it`;
  return new SoraError('video_not_found', {
    title: `the ledger has no video \`${name}\``,
    hints: ['run `sora list --local` to see the ids', ...(looksWhole(name) ? [save] : [])],
  });
}
