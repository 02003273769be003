import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { withRetries } from '../../src/client/retry.ts';
import { pricesWith } from '../../src/domain/pricing.ts';
import { hideSecrets } from '../../src/domain/redact.ts';
import { type RequestFormat, USUAL_FORMAT } from '../../src/domain/request-format.ts';
import { type Handler, httpTo } from '../../src/http-server/handler.ts';
import type { Http } from '../../src/platform/http.ts';
import { fateOf, isProcessAlive, type ProcessIdentity } from '../../src/platform/process-identity.ts';
import { AccessKey, DEMO_KEY } from '../../src/service/access.ts';
import { Budget, type BudgetOptions } from '../../src/service/budget.ts';
import { JobRunner } from '../../src/service/job-runner.ts';
import type { Log } from '../../src/service/log.ts';
import { RestJobStore } from '../../src/service/rest-job-store.ts';
import { createService } from '../../src/service/service.ts';
import { type Renderer, renderHere } from '../../src/simulator/asset-cache.ts';
import { Conditions } from '../../src/simulator/conditions.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { expectPromised } from './document-check.ts';
import { eventually } from './eventually.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { NO_OBJECTS } from './no-objects.ts';
import { createFates, createProcess } from './processes.ts';
import { respond } from './request-handler.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { createVideosClient } from './videos-client.ts';

export interface TestedServiceSetup {
  /** The files of an earlier run. */
  readonly folder?: string;
  readonly clock?: FakeClock;
  readonly pid?: number;
  readonly seed?: number;
  /** A server on the network instead of the simulator. */
  readonly upstreamUrl?: string;
  readonly http?: Http;
  /** The request format of the server. */
  readonly format?: Partial<RequestFormat>;
  /** Whether the service keeps running at the end of the test. */
  readonly isKilled?: true;
  readonly apiKey?: string;
  readonly isLocal?: boolean;
  /** The price of its videos; free by default. */
  readonly budget?: Partial<BudgetOptions>;
  readonly secrets?: readonly string[];
  /** Its number among several processes that share the folder. */
  readonly process?: {
    readonly self: ProcessIdentity;
    readonly profile: string;
    readonly hasCompleteList: boolean;
    readonly onLog: Log;
  };
}

export interface TestedCall {
  readonly json?: unknown;
  readonly body?: string;
  /** The demo key by default; null for none. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestedService extends Handler {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly simulator: Simulator;
  readonly conditions: Conditions;
  readonly runner: JobRunner;
  readonly ledger: FileLedger;
  readonly jobs: RestJobStore;
  /** Replies to a call, and checks the reply against the document. */
  readonly handle: (request: Request) => Promise<Response>;
  /** Log messages, in order. */
  readonly messages: readonly string[];
  /** The same for a call with the key. */
  call(method: string, path: string, call?: TestedCall): Promise<Response>;
  /** The JSON of a reply with this status. */
  read(method: string, path: string, call?: TestedCall, status?: number): Promise<Record<string, unknown>>;
  order(fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Advances the time until a job has this status. */
  until(id: string, status: string): Promise<Record<string, unknown>>;
}

/** The service with an in-process simulator, its own folder and a stopped clock. */
export function createTestedService(setup: TestedServiceSetup = {}): TestedService {
  const {
    folder = createTemporaryFolder(),
    clock = createFakeClock({ isManual: true }),
    pid = 1_000_000_001,
    seed = 1,
  } = setup;
  const randomBytes = createSeededRandom(seed);
  const conditions = new Conditions(() => 0.5);
  // The picture does not matter here, and a small one renders faster.
  const render: Renderer = (spec, variant) => renderHere({ ...spec, width: 64, height: 64, seconds: 0.1 }, variant);
  const stateDir = join(folder, 'simulator');
  const simulator = createSimulator({ stateDir, clock, randomBytes, conditions, render });
  const baseUrl = setup.upstreamUrl ?? 'http://simulator.invalid/v1';
  const http = setup.http ?? httpTo(simulator);
  const { process } = setup;
  const { client: singleShot, transport } = createVideosClient(baseUrl, {
    ...(setup.upstreamUrl === undefined || setup.http !== undefined ? { http } : {}),
    clock: { ...clock, alarm: () => () => {} }, // tests let minutes pass during a call
    format: setup.format ?? {},
  });
  const ledger = new FileLedger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
  const isAlive = process === undefined ? (other: number): boolean => other === pid : isProcessAlive;
  const budget = new Budget({
    isFree: setup.budget === undefined,
    session: 'serve-test',
    maxCostMicros: null,
    maxOrderMicros: null,
    confirmAboveMicros: 1_000_000,
    ledger,
    ...setup.budget,
  });
  const clean = (text: string): string => hideSecrets(text, setup.secrets ?? []);
  const upstream = {
    server: { profile: process?.profile ?? 'simulator', baseUrl },
    free: budget.options.isFree,
    singleShot,
    transport,
    client: withRetries(singleShot, { clock, random: () => 0 }),
    ledger,
    clock,
    randomBytes,
    self: process?.self ?? createProcess(pid, { started: String(seed) }),
    fateOf: process === undefined ? createFates([]) : fateOf,
    dayCaps: [],
    hasCompleteList: process?.hasCompleteList ?? setup.upstreamUrl === undefined,
    capabilities: {
      profile: 'lab',
      dialect: 'videos' as const,
      missing: new Set<never>(),
      servesOpenAiModels: true,
      format: { ...USUAL_FORMAT, ...setup.format },
    },
    prices: pricesWith([], { priceList: 'own', source: 'none' }),
    maxCostPerDayMicros: null,
    budget,
  };
  const messages: string[] = [];
  const log: Log = (...entry) => {
    messages.push(entry[1]);
    process?.onLog(...entry);
  };
  const jobs = new RestJobStore({ path: join(folder, 'serve/jobs.jsonl'), pid, randomBytes, isProcessAlive: isAlive });
  const runner = new JobRunner({
    upstream,
    jobs,
    objects: NO_OBJECTS,
    filesDir: join(folder, 'serve/files'),
    random: () => 0.5,
    log,
    clean,
  });
  onTestFinished(() => (setup.isKilled ? undefined : runner.stop()));
  const { answer, refuse } = createService({
    desk: runner,
    upstream,
    objects: NO_OBJECTS,
    access: new AccessKey(setup.apiKey ?? null),
    defaultModel: null,
    clean,
    log,
    version: '1.2.3',
    simulator,
    conditions,
    webDir: join(import.meta.dirname, '../../dist/web'),
    isLocal: setup.isLocal ?? true,
  });
  const handle = async (request: Request): Promise<Response> => {
    const reply = await respond({ answer }, request);
    await expectPromised(request.method, request.url, reply);
    return reply;
  };

  const service: TestedService = {
    folder,
    clock,
    simulator,
    conditions,
    runner,
    ledger,
    jobs,
    answer,
    refuse,
    handle,
    messages,
    call(method, path, { json, body, key = setup.apiKey ?? DEMO_KEY, headers = {} } = {}) {
      const content = json === undefined ? body : JSON.stringify(json);
      return handle(
        new Request(new URL(path, 'http://localhost'), {
          method,
          headers: {
            ...(content === undefined ? {} : { 'content-type': 'application/json' }),
            ...(key === null ? {} : { 'x-api-key': key }),
            ...headers,
          },
          ...(content === undefined ? {} : { body: content }),
        }),
      );
    },
    async read(method, path, call = {}, status = 200) {
      const reply = await service.call(method, path, call);
      const value: unknown = await reply.json();
      expect({ status: reply.status, value }).toMatchObject({ status });
      return Object(value) as Record<string, unknown>;
    },
    async order(fields = {}) {
      const json = { prompt: 'a paper boat', ...fields };
      return String((await service.read('POST', '/api/v1/videos', { json }, 202)).id);
    },
    until: (id, status) =>
      eventually(async () => {
        clock.advance(300);
        const job = await service.read('GET', `/api/v1/videos/${id}`);
        expect(job, JSON.stringify(job.error)).toMatchObject({ status });
        return job;
      }),
  };
  return service;
}
