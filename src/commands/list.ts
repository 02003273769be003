import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { jobAnswer } from '../app/job-answer.ts';
import { isListed } from '../app/listed-records.ts';
import { parseWholeNumber, refuseFaults } from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import type { JobRecord } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import type { VideoJob } from '../domain/video.ts';
import { JOB_JSON_SHAPE } from '../output/job-view.ts';

const PAGE_SIZE = 100;
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 10_000;

export const list = defineCommand({
  name: 'list',
  description:
    'Lists the videos on the server and in the local ledger, newest first. A table on a terminal, tab-separated rows in a pipe.',
  arguments: [],
  options: {
    limit: { flags: '-L, --limit <n>', summary: `how many (default ${DEFAULT_LIMIT})` },
    local: { flags: '--local', summary: 'the local ledger only; no network' },
  },
  json: `{"jobs":[${JOB_JSON_SHAPE}]}`,
  errors: ['no_api_key', 'invalid_api_key'],
  examples: [
    ['sora list', 'the 20 newest videos'],
    ['sora list --local -L 100 --json', 'the last 100 submissions, without the network'],
  ],

  async run({ options }, context) {
    const faults: string[] = [];
    const limit = parseWholeNumber(
      options.limit,
      { name: '--limit', min: 1, max: MAX_LIMIT, fallback: DEFAULT_LIMIT },
      faults,
    );
    refuseFaults(faults, 'list');
    const jobs = options.local ? null : await jobsOnServer(limit, context);
    return { answer: jobAnswer(merge(jobs, limit, context), false, context) };
  },
});

/** The newest jobs of the server; null, with a note, where it cannot be asked. */
async function jobsOnServer(limit: number, context: Context): Promise<VideoJob[] | null> {
  const { output, host } = context;
  try {
    const { client } = await context.server();
    const jobs: VideoJob[] = [];
    for (let after: string | null | undefined; after !== null && jobs.length < limit; ) {
      const query = { limit: Math.min(PAGE_SIZE, limit - jobs.length), order: 'desc' as const };
      const page = await client.list(after === undefined ? query : { ...query, after }, { signal: host.interrupt });
      jobs.push(...page.jobs);
      after = page.next;
    }
    return jobs;
  } catch (error) {
    const isLocalOnly =
      error instanceof SoraError &&
      ['no_api_key', 'not_supported', 'endpoint_not_found', 'service_retired'].includes(error.code);
    if (!isLocalOnly) throw error;
    output.note(`only the local ledger is shown: ${error.message}`);
    return null;
  }
}

/**
 * Jobs of the server with what the ledger knows of them, and the ledger's own,
 * newest first. Without a server it is the whole ledger, whichever servers it speaks of.
 */
function merge(jobs: readonly VideoJob[] | null, limit: number, { ledger, configuration }: Context): JobSummary[] {
  const { profile, baseUrl } = configuration;
  const listed = (jobs ?? []).map((job) => {
    const record = ledger.byId(job.id).find((candidate) => candidate.baseUrl === baseUrl.value);
    return summarize(profile.value, record, job);
  });
  const listedIds = new Set(listed.map(({ id }) => id));
  const isMissing = (record: JobRecord): boolean =>
    isListed(record) && (jobs === null || record.baseUrl === baseUrl.value) && !listedIds.has(record.job?.id ?? null);
  const local = ledger.newest(limit, isMissing).map((record) => summarize(record.profile, record, null));
  return [...listed, ...local].sort((a, b) => (b.createdAtMs ?? 0) - (a.createdAtMs ?? 0)).slice(0, limit);
}
