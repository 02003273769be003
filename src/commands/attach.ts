import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { readDeadlineMs, refuseFaults, TIMEOUT_OPTION } from '../app/option-values.ts';
import { isOfVideo } from '../domain/record.ts';
import { attachJob, submissionOf } from '../jobs/resolve.ts';
import { JOB_JSON_SHAPE, jobsAnswer } from '../output/job-view.ts';

type AttachDeps = Pick<Context, 'configuration' | 'ledger' | 'servers' | 'jobs' | 'host'>;

export const attachCommand = defineCommand({
  name: 'attach',
  description:
    'Links a submission with unknown outcome to the job that it created on the server. The job is read from the server first. From then on it can be waited for and saved, and counts as spent, like any other.',
  arguments: [
    { form: '<submission>', summary: 'the submission, such as sub_…' },
    { form: '<id>', summary: 'the id of the job on its server' },
  ],
  options: { timeout: TIMEOUT_OPTION },
  json: JOB_JSON_SHAPE,
  errors: ['usage', 'video_not_found', 'outcome_unknown', 'wait_timeout'],
  examples: [
    ['sora attach sub_0mh3 video_123', 'video_123 is what sub_0mh3 created'],
    ['sora attach sub_0mh3 video_123 --json', 'the same, for a script'],
  ],

  async run({ args: [key = '', id = ''], options }, deps: AttachDeps) {
    const { ledger, servers, jobs } = deps;
    const faults: string[] = [];
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    refuseFaults(faults);
    const submission = await submissionOf(ledger, key);
    const server = await servers.of(submission);
    const submitDeps = jobs.submitDeps(server, submission.request.source?.operation);
    const jobId = isOfVideo(submission) ? await jobs.idOn(server, id, deadlineMs) : id;
    const job = await jobs.inTime(deadlineMs, jobId, (signal) => attachJob(submitDeps, submission, jobId, signal));
    const summary = await jobs.summarize({ id: job.id, server, record: submission }, job);
    return { answer: jobsAnswer([summary], { ...jobs.form(), isNamedAlone: true }) };
  },
});
