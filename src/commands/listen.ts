import pLimit from 'p-limit';
import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { type DownloadDeps, downloadOne } from '../app/downloading.ts';
import { listenHost, openPort, untilAborted } from '../app/listening.ts';
import { inGroup, type OptionValues, option, parsePort, refuseFaults } from '../app/option-values.ts';
import { checkFiles, FILE_OPTIONS, type FilePlan, planFiles, SEVERAL_NEED_FOLDER } from '../app/saving.ts';
import { targetOption } from '../app/servers.ts';
import type { WebhookEvent } from '../client/webhook-event.ts';
import { SoraError } from '../domain/errors.ts';
import { isOfVideo, type JobRecord } from '../domain/record.ts';
import { type JobSummary, summarize } from '../domain/summary.ts';
import { isEmptySecret } from '../domain/webhook-secret.ts';
import { isForSeveral } from '../jobs/destination.ts';
import { cleanLine } from '../output/clean-text.ts';
import { errorJson } from '../output/error-view.ts';
import { JOB_JSON_SHAPE, jobJson } from '../output/job-view.ts';
import { shortPath } from '../output/short-path.ts';

const DEFAULT_PORT = 4000;
const DEFAULT_SECRET = 'OPENAI_WEBHOOK_SECRET';
/** Downloads at a time; further events wait for their turn. */
const AT_ONCE = 4;
/** The longest wait for a job: an event may be ahead of its server's other replicas for a moment. */
const LONGEST_WAIT_MS = 60_000;
const VIDEO_EVENT = /^video\.(completed|failed)$/;

type ListenDeps = DownloadDeps & Pick<Context, 'env' | 'servers' | 'isServerNamed'>;

const OPTIONS = {
  port: option('--port <n>', `port to listen on; 0 picks a free one (default ${DEFAULT_PORT})`),
  host: option('--host <address>', 'address to listen on (default 127.0.0.1)'),
  secretEnv: option(
    '--secret-env <name>',
    `environment variable with the secret of the signatures (default ${DEFAULT_SECRET})`,
  ),
  ...inGroup(FILE_OPTIONS.output.group, {
    noDownload: option('--no-download', 'record what happened; save nothing'),
    ...FILE_OPTIONS,
    output: option(
      '-o, --output <dir|template|s3://…>',
      'where to save: a folder, or a template like `{slug}-{id:8}.{ext}`, here or below `s3://BUCKET/`',
    ),
  }),
} as const;

export const listenCommand = defineCommand({
  name: 'listen',
  description:
    'Receives signed webhooks about jobs that have ended, instead of polling. Records each one and saves its video where the `-o` of its `sora create` says, unless options say otherwise. Jobs that are not in the ledger are ignored; the state of the others is read from their server. A webhook never causes a payment. One that is unsigned, older than five minutes or received before has no effect. Ctrl-C stops it.',
  options: OPTIONS,
  json: `{"url"} when it is ready; then one object per line: {"event","event_id","id","outcome":"saved|recorded|ignored|failed","reason","job":${JOB_JSON_SHAPE}|null,"error"}`,
  errors: ['usage', 'cannot_listen', 'file_exists', 'cannot_write'],
  examples: [
    ['sora listen --port 4000 --secret-env HOOK_SECRET -o videos/', 'save every video as it finishes'],
    ['sora listen --port 0 --json --no-download', 'for a script: one line per event'],
  ],

  async run({ options }, deps: ListenDeps) {
    const { host, output, servers, configuration } = deps;
    const { port, address, secret, plan } = await readOptions(options, deps);
    const [{ WebhookReader }, { WebhookInbox }] = await Promise.all([
      import('../client/webhook-event.ts'),
      import('../service/webhook-inbox.ts'),
    ]);
    const turns = pLimit(AT_ONCE);
    /** The last work on each job: its events are handled one after the other. */
    const work = new Map<string | null, Promise<void>>();
    const inbox = new WebhookInbox({
      reader: new WebhookReader(secret),
      clock: host.clock,
      onEvent(event) {
        const { subjectId } = event;
        const before = work.get(subjectId) ?? Promise.resolve();
        const done = before
          .then(() => turns(() => handle(event, plan, options, deps)))
          .then(() => void (work.get(subjectId) === done && work.delete(subjectId)));
        work.set(subjectId, done);
      },
      onRefusal: (reason) => output.log('error', 'Refused a notification', { reason }),
    });
    const listening = await openPort(inbox, { host: address, port });
    await output.answer({
      data: { url: listening.origin },
      view: () => `listening for notifications at ${listening.origin}/ (stop with Ctrl-C)\n`,
      isLine: true,
    });
    await untilAborted(host.interrupt);
    const target = targetOption(servers.identityOf(configuration));
    output.news(`stopping; \`sora download --all${target}\` saves what was not saved yet`);
    await listening.close();
    await Promise.all(work.values());
    return {};
  },
});

/** Its `plan` is null to save nothing. */
async function readOptions(options: OptionValues<typeof OPTIONS>, deps: ListenDeps) {
  const faults: string[] = [];
  const port = parsePort(options.port, DEFAULT_PORT, faults);
  const variable = options.secretEnv ?? DEFAULT_SECRET;
  const secret = deps.env[variable] ?? '';
  if (isEmptySecret(secret))
    faults.push(`the environment variable \`${variable}\` has no secret; name another with \`--secret-env\``);
  const plan = planFiles(options, deps, faults);
  if (!isForSeveral(plan.destination, 'id')) faults.push(SEVERAL_NEED_FOLDER);
  deps.output.secrets.add(secret);
  refuseFaults(faults);
  if (!options.noDownload) await checkFiles({ ...plan, force: true }, deps);
  return { port, address: listenHost(options.host), secret, plan: options.noDownload ? null : plan };
}

interface Handled {
  readonly outcome: 'saved' | 'recorded' | 'ignored' | 'failed';
  readonly reason?: string;
  readonly summary?: JobSummary;
  readonly error?: SoraError;
}

/** Handles one event and prints the result; never rejects. */
async function handle(
  event: WebhookEvent,
  plan: FilePlan | null,
  choices: OptionValues<typeof OPTIONS>,
  deps: ListenDeps,
): Promise<void> {
  const handled = await outcomeOf(event, plan, choices, deps).catch((error: unknown): Handled => {
    const known = error instanceof SoraError ? error : new SoraError('unexpected', { causedBy: String(error) });
    return { outcome: 'failed', error: known };
  });
  print(event, handled, deps);
}

async function outcomeOf(
  { type, subjectId }: WebhookEvent,
  plan: FilePlan | null,
  choices: OptionValues<typeof OPTIONS>,
  deps: ListenDeps,
): Promise<Handled> {
  if (!VIDEO_EVENT.test(type ?? '') || subjectId === null) return { outcome: 'ignored', reason: 'no event of a video' };
  const record = await recordOf(subjectId, deps);
  if (record === undefined) return { outcome: 'ignored', reason: 'the ledger has no such job' };
  const found = { id: subjectId, record, server: await deps.servers.of(record) };
  const { profile } = found.server.identity;
  const deadlineMs = deps.host.clock.uptimeMs() + LONGEST_WAIT_MS;
  if (plan === null || type === 'video.failed') {
    return { outcome: 'recorded', summary: summarize(profile, record, await deps.jobs.look(found, deadlineMs)) };
  }
  const failures: SoraError[] = [];
  const summary = await downloadOne(found, plan, { wait: true, deadlineMs, choices, failures }, deps);
  const [error] = failures;
  return { outcome: error === undefined ? 'saved' : 'failed', summary, ...(error && { error }) };
}

/** The job that the ledger knows under an id: on the server in use, if the command line names one. */
async function recordOf(
  id: string,
  { ledger, configuration, isServerNamed }: ListenDeps,
): Promise<JobRecord | undefined> {
  const { value: address } = configuration.baseUrl;
  const records = await ledger.byId(id);
  return records.find((record) => isOfVideo(record) && (!isServerNamed || record.baseUrl === address));
}

function print(
  { type, webhookId, subjectId }: WebhookEvent,
  { outcome, reason, summary, error }: Handled,
  { output, host }: ListenDeps,
): void {
  const data = {
    event: type,
    event_id: webhookId,
    id: subjectId,
    outcome,
    reason: reason ?? null,
    job: summary === undefined ? null : jobJson(summary),
    error: error === undefined ? null : errorJson(error),
  };
  const files = summary?.files.map(({ path }) => shortPath(path, host.cwd)) ?? [];
  const result = error?.message ?? reason ?? (files.length > 0 ? files.join(', ') : (summary?.status ?? ''));
  const line = [type ?? '', subjectId ?? '', outcome, result].map((cell) => cleanLine(cell)).join('\t');
  output.part({ data, line });
  if (output.stdout.isTTY) output.news(line.replaceAll('\t', '  '));
}
