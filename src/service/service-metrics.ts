import { dayOf } from '../domain/day.ts';
import { Metrics } from '../domain/metrics.ts';
import { usdOf } from '../domain/money.ts';
import { statusOf } from '../domain/record.ts';
import type { Clock } from '../platform/clock.ts';
import type { QueueState } from '../store/job-queue.ts';
import type { Ledger } from '../store/ledger.ts';
import { REST_STATUSES, type RestStatus } from './rest-job.ts';
import { readinessOf, unreadinessOf, type Vitals } from './vitals.ts';

/** What happens to the jobs of a service. */
export type JobEvent =
  | { readonly kind: 'submission'; readonly outcome: SubmissionOutcome; readonly estimatedMicros: number | null }
  | { readonly kind: 'end'; readonly outcome: 'completed' | 'failed'; readonly ms: number }
  | { readonly kind: 'download'; readonly bytes: number | null };

export type SubmissionOutcome = 'accepted' | 'attached' | 'refused' | 'unknown';

/** The jobs of a service, or those that a worker shares with others. */
export interface MeasuredJobs {
  /** Creates of this process that have not been answered yet; null if they are not counted. */
  readonly openSubmissions: number | null;
  /** How many jobs there are in each status. */
  count(): Promise<Readonly<Record<RestStatus, number>>>;
  /** What waits for workers; left out where this process makes the videos. */
  queueState?(): Promise<QueueState>;
}

/** Values that are read on each request for the metrics. */
export interface MetricSources {
  readonly version: string;
  readonly profile: string;
  readonly ledger: Pick<Ledger, 'open' | 'spent' | 'teamCaps' | 'requireUsable'>;
  readonly clock: Pick<Clock, 'now' | 'alarm' | 'uptimeMs'>;
  readonly jobs: MeasuredJobs;
  /** In micro-dollars; null without a cap. */
  readonly caps: Readonly<Record<'run' | 'order' | 'day', number | null>>;
}

const QUEUE_STATES = ['waiting', 'delayed', 'blocked', 'running', 'failed'] as const;
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']);
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const JOB_SECONDS = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];

/** What a service or a worker reports about itself and the ledger that it uses. Labels are fixed names: no prompt, id, address or key becomes one. */
export class ServiceMetrics implements Vitals {
  readonly version: string;
  readonly profile: string;
  readonly checkReady: () => Promise<void>;
  readonly #sources: MetricSources;
  readonly #metrics = new Metrics();
  readonly #requests = this.#metrics.histogram(
    'sora_http_request_duration_seconds',
    'Time until a reply begins.',
    ['method', 'route', 'code'],
    REQUEST_SECONDS,
  );
  readonly #errors = this.#metrics.counter('sora_errors_total', 'Refused and failed calls by error code.', ['code']);
  readonly #submissions = this.#metrics.counter('sora_submissions_total', 'Creates sent to the server.', [
    'profile',
    'outcome',
  ]);
  readonly #estimated = this.#metrics.counter(
    'sora_estimated_cost_usd_total',
    'Estimated cost of accepted creates; unknown prices count as 0.',
    ['profile'],
  );
  readonly #unpriced = this.#metrics.counter('sora_unpriced_submissions_total', 'Accepted creates of unknown price.', [
    'profile',
  ]);
  readonly #jobSeconds = this.#metrics.histogram(
    'sora_job_duration_seconds',
    'Time from the order, or a worker’s submission, to the end.',
    ['outcome'],
    JOB_SECONDS,
  );
  readonly #downloads = this.#metrics.counter('sora_downloads_total', 'Files fetched from the server.', ['outcome']);
  readonly #downloadedBytes = this.#metrics.counter('sora_downloaded_bytes_total', 'Bytes of these files.');
  readonly #jobs = this.#metrics.gauge('sora_jobs', 'Jobs of the service by status.', ['status']);
  readonly #waiting = this.#metrics.gauge('sora_open_submissions', 'Creates that have not been answered yet.');
  readonly #unfinished = this.#metrics.gauge(
    'sora_ledger_unfinished_jobs',
    'Jobs in the ledger that have not ended, of all processes that share it.',
    ['profile', 'status'],
  );
  readonly #spent = this.#metrics.gauge(
    'sora_spent_today_usd',
    'Spending of the day (UTC) in the ledger, of all processes that share it.',
    ['profile'],
  );
  readonly #caps = this.#metrics.gauge('sora_cap_usd', 'Caps in force.', ['cap']);
  readonly #tasks = this.#metrics.gauge('sora_queue_tasks', 'Orders and rows in the queue of the server by state.', [
    'state',
  ]);
  readonly #oldest = this.#metrics.gauge(
    'sora_queue_oldest_seconds',
    'How long the oldest task of the queue has waited; 0 without one.',
  );
  readonly #workers = this.#metrics.gauge('sora_queue_workers', 'Workers that take tasks of the queue.');
  readonly #slots = this.#metrics.gauge('sora_queue_slots', 'How many tasks these workers run at a time.');
  readonly #ready = this.#metrics.gauge('sora_ready', 'Whether /readyz answers 200.');

  constructor(sources: MetricSources) {
    this.version = sources.version;
    this.profile = sources.profile;
    this.checkReady = readinessOf(sources.ledger, sources.clock);
    this.#sources = sources;
    this.#metrics.gauge('sora_build_info', 'The version of sora.', ['version']).set(1, [sources.version]);
    this.#metrics
      .gauge('sora_start_time_seconds', 'When the process started serving, in seconds since the epoch.')
      .set(sources.clock.now() / 1000);
  }

  /** `route` is a pattern, such as `/v1/videos/{id}`. */
  request(method: string, route: string, status: number, ms: number): void {
    this.#requests.observe([METHODS.has(method) ? method : 'other', route, String(status)], ms / 1000);
  }

  error(code: string): void {
    this.#errors.add([code]);
  }

  job(event: JobEvent): void {
    const { profile } = this.#sources;
    if (event.kind === 'submission') {
      this.#submissions.add([profile, event.outcome]);
      if (event.outcome !== 'accepted') return;
      this.#estimated.add([profile], usdOf(event.estimatedMicros ?? 0));
      if (event.estimatedMicros === null) this.#unpriced.add([profile]);
    } else if (event.kind === 'end') {
      this.#jobSeconds.observe([event.outcome], event.ms / 1000);
    } else {
      this.#downloads.add([event.bytes === null ? 'failed' : 'completed']);
      this.#downloadedBytes.add([], event.bytes ?? 0);
    }
  }

  /** Works even if the ledger is unreadable: `sora_ready` is then 0, and metrics from the ledger are left out. */
  async metrics(): Promise<string> {
    const { ledger, clock, profile, jobs, caps } = this.#sources;
    if (jobs.openSubmissions !== null) this.#waiting.set(jobs.openSubmissions);
    const measured = [this.#jobs, this.#caps, this.#unfinished, this.#spent];
    for (const gauge of [...measured, this.#tasks, this.#oldest, this.#workers, this.#slots]) gauge.clear();
    for (const [cap, micros] of Object.entries(caps)) if (micros !== null) this.#caps.set(usdOf(micros), [cap]);
    const wasReady = (await unreadinessOf(this.checkReady)) === null;
    this.#ready.set(wasReady ? 1 : 0);
    try {
      const count = await jobs.count();
      for (const status of REST_STATUSES) this.#jobs.set(count[status], [status]);
      if (!wasReady) return this.#metrics.render();
      const counts = new Map<string, readonly [labels: readonly string[], count: number]>();
      for (const record of await ledger.open()) {
        const labels = [record.profile, statusOf(record)];
        const [, count] = counts.get(labels.join(' ')) ?? [labels, 0];
        counts.set(labels.join(' '), [labels, count + 1]);
      }
      for (const [labels, count] of counts.values()) this.#unfinished.set(count, labels);
      const { micros } = await ledger.spent({ by: 'day', value: dayOf(clock.now()), profile, user: null });
      this.#spent.set(usdOf(micros), [profile]);
      for (const { name, capMicros } of await ledger.teamCaps()) this.#caps.set(usdOf(capMicros), [`team ${name}`]);
      this.#showQueue(await jobs.queueState?.());
    } catch {
      this.#ready.set(0);
    }
    return this.#metrics.render();
  }

  #showQueue(queue: QueueState | undefined): void {
    if (queue === undefined) return;
    for (const state of QUEUE_STATES) this.#tasks.set(queue[state], [state]);
    this.#oldest.set((queue.oldestMs ?? 0) / 1000);
    this.#workers.set(queue.workers.length);
    this.#slots.set(queue.workers.reduce((sum, { concurrency }) => sum + concurrency, 0));
  }
}
