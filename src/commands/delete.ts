import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { deletedVideo, type FoundJob } from '../app/known-jobs.ts';
import { option, readDeadlineMs, refuseFaults, TIMEOUT_OPTION } from '../app/option-values.ts';
import { targetOption } from '../app/servers.ts';
import { capabilitiesOf } from '../configuration/endpoint.ts';
import { SoraError } from '../domain/errors.ts';
import { forEach } from '../domain/outcomes.ts';
import { requireCapability } from '../domain/request-gate.ts';
import { commandAbout } from '../domain/shell.ts';
import { isTerminal } from '../domain/video.ts';
import { cleanLine } from '../output/clean-text.ts';
import { confirm } from '../output/prompt.ts';

type DeleteDeps = Pick<Context, 'configuration' | 'jobs' | 'ledger' | 'output' | 'host' | 'isInteractive'>;

const MAX_PROMPT_CHARACTERS = 60;

export const deleteCommand = defineCommand({
  name: 'delete',
  description:
    'Deletes finished videos from the server. Saved files are kept. Asks before it deletes a video that was never saved.',
  arguments: [{ form: '<id...>', summary: 'ids, their unique endings, or @last for the newest job' }],
  options: {
    yes: option('-y, --yes', 'delete without asking, also the only copy of a video'),
    timeout: TIMEOUT_OPTION,
  },
  json: '{"deleted":["…"]}',
  errors: ['video_not_found', 'not_supported', 'content_not_ready', 'wait_timeout'],
  examples: [
    ['sora delete video_123', 'delete one video from the server'],
    ['sora delete @last --json', 'delete the newest, and print its id'],
  ],

  async run({ args, options }, deps: DeleteDeps) {
    const faults: string[] = [];
    const limits = { isAgreed: options.yes ?? false, deadlineMs: readDeadlineMs(options.timeout, deps, faults) };
    refuseFaults(faults);
    const { values: removals, errors: refusals } = await forEach(args, (name) => prepare(name, limits, deps));
    // Exit code 2 promises that nothing was sent. On a terminal, each video was asked about.
    if (!deps.isInteractive && refusals.some(({ code }) => code === 'usage')) return { errors: refusals };
    const { values: deleted, errors } = await forEach(removals, (remove) => remove());
    const answer = { data: { deleted }, view: () => deleted.map((id) => `${cleanLine(id)}\n`).join('') };
    return { ...(deleted.length > 0 ? { answer } : {}), errors: [...refusals, ...errors] };
  },
});

interface Limits {
  /** Whether the only copy may be deleted. */
  readonly isAgreed: boolean;
  /** By the uptime. */
  readonly deadlineMs: number;
}

/** Returns what deletes the video, once it is certain that it may be deleted. */
async function prepare(
  name: string,
  { isAgreed, deadlineMs }: Limits,
  deps: DeleteDeps,
): Promise<() => Promise<string>> {
  const { jobs, ledger, output } = deps;
  const found = await jobs.find(name, deadlineMs);
  const { id, server } = found;
  requireCapability('delete', capabilitiesOf(server.configuration));
  if ((await jobs.removedJob(found.record)) !== null) throw deletedVideo(id);
  const job = await jobs.look(found, deadlineMs);
  if (!isTerminal(job.status)) {
    throw new SoraError('content_not_ready', {
      title: 'the job is still running; `delete` only deletes finished videos',
      jobId: id,
      hints: [`run \`${commandAbout(id, 'sora cancel', targetOption(server.identity))}\` to stop it`],
    });
  }
  const summary = await jobs.summarize(found, job);
  const prompt = cleanLine(summary.prompt ?? '').slice(0, MAX_PROMPT_CHARACTERS);
  const short = cleanLine(await ledger.shortId(id));
  const named = prompt === '' ? short : `${short} ("${prompt}")`;
  const isSaved = summary.files.some(({ variant }) => variant === 'video');
  if (job.status === 'completed' && !isSaved && !isAgreed) await agreeToLose(named, found, deps);
  return async () => {
    output.news(`deleting ${named}`);
    await jobs.delete(found, deadlineMs);
    return id;
  };
}

/** Throws `usage` unless the user confirms on a terminal that the only copy may be deleted. */
async function agreeToLose(
  named: string,
  { id, server }: FoundJob,
  { host, isInteractive }: DeleteDeps,
): Promise<void> {
  const hints = [
    `run \`${commandAbout(id, 'sora download', targetOption(server.identity))}\` to save it first`,
    'add `--yes` to delete it anyway',
  ];
  if (!isInteractive) {
    throw new SoraError('usage', { title: `there is no copy of ${named} on this disk`, jobId: id, hints });
  }
  if (await confirm(`There is no copy of ${named} on this disk. Delete it from the server?`, host)) return;
  throw new SoraError('usage', { title: `cancelled: ${named} was not deleted`, jobId: id, hints });
}
