import { join } from 'node:path';
import { defineCommand } from '../../app/command.ts';
import type { Context, RunDeps } from '../../app/context.ts';
import { openPort, untilAborted } from '../../app/listening.ts';
import { openSaved } from '../../app/opening.ts';
import { refuseFaults } from '../../app/option-values.ts';
import type { Server } from '../../app/servers.ts';
import { capabilitiesOf } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import { formatUsd } from '../../domain/money.ts';
import { isLoopback } from '../../domain/own-network.ts';
import { setVariable } from '../../domain/shell.ts';
import type { ListeningServer } from '../../http-server/server.ts';
import type { Answer } from '../../output/output.ts';
import { replaceFile } from '../../platform/files.ts';
import type { Host } from '../../platform/host.ts';
import { isProcessAlive } from '../../platform/process-identity.ts';
import { AccessKey, DEMO_KEY } from '../../service/access.ts';
import { Budget } from '../../service/budget.ts';
import { JobRunner } from '../../service/job-runner.ts';
import type { Log } from '../../service/log.ts';
import type { OrderDesk } from '../../service/order-desk.ts';
import { RestJobStore } from '../../service/rest-job-store.ts';
import type { RestDeps } from '../../service/rest-routes.ts';
import { createService } from '../../service/service.ts';
import { Webhooks } from '../../service/webhooks.ts';
import { Conditions } from '../../simulator/conditions.ts';
import { createSimulator, type Simulator } from '../../simulator/simulator.ts';
import { WorkerRenderer } from '../../simulator/worker-renderer.ts';
import { parseServeOptions, SERVE_OPTIONS, type ServePlan } from './options.ts';
import { createQueuedDesk, type OpenQueue, openQueue, QUEUE_SESSION } from './queued-desk.ts';

type ServeDeps = Omit<RunDeps, 'configuration' | 'ledger'> &
  Pick<Context, 'env' | 'jobQueue' | 'options' | 'orderTable' | 'paths'>;

/** How long open requests may take to finish after Ctrl-C. */
const GRACE_MS = 3_000;

export const serveCommand = defineCommand({
  name: 'serve',
  description:
    'Serves the simulated Videos API on a port for any OpenAI SDK, with a REST service that creates videos in the background and a page to try it. The REST service uses the simulator too, unless --profile or --base-url names a server: then its videos cost money, and clients need the random key that is printed, or the one of --api-key-env. Ctrl-C stops the server; the next start resumes the jobs of the REST service. With --queue, its orders wait in the shared ledger for `sora worker`, so that any number of replicas serve the same jobs, and --max-cost counts all of them, from the first one on.',
  options: SERVE_OPTIONS,
  json: '{"url","base_url","docs","profile","api_key"}, printed when it is ready; then one object per line on standard error: {"level","message",…}',
  errors: ['usage', 'cannot_listen', 'cannot_write', 'ledger_unreachable', 'no_api_key'],
  examples: [
    ['sora serve --open', 'http://127.0.0.1:3000, free and offline; opens its page'],
    [
      'sora serve --port 0 --json --fault rate_limit_exceeded=0.2 --seed 7',
      'for a test suite: refuses 20% of the creates, the same ones in every run',
    ],
    [
      'sora serve --profile lab --queue -o /shared/clips --api-key-env SORA_SERVE_KEY',
      'one of several replicas; `sora worker --profile lab` makes the videos',
    ],
  ],

  usesPrices: () => true,

  async run({ options }, deps: ServeDeps) {
    const { env, host, output, random, servers } = deps;
    const faults: string[] = [];
    const plan = parseServeOptions(options, { env, isServerNamed: isServerNamed(deps) }, faults);
    output.secrets.add(plan.apiKey ?? '', plan.webhook?.secret ?? '');
    refuseFaults(faults);
    const log: Log = (level, message, facts) => output.log(level, message, facts);

    const conditions = new Conditions(random, plan.conditions);
    const renderer = new WorkerRenderer(join(host.programDir, 'render-worker.js'));
    const simulator: Simulator = createSimulator({
      ...servers.simulatorOptions,
      conditions,
      signal: host.interrupt,
      render: (spec, variant) => renderer.render(spec, variant),
      takesCallbacks: plan.webhook !== null,
      onCreate: (id) => webhooks?.watch(id),
    });
    const { http, clock, randomBytes, interrupt: signal } = host;
    const calls = { http, clock, randomBytes, signal, look: simulator.look, log };
    const webhooks = plan.webhook && new Webhooks({ ...plan.webhook, allowsPrivate: isLoopback(plan.host), ...calls });
    servers.useSimulator(simulator);
    const server = await chooseServer(deps);
    const generatedKey = generateKey(plan, server, host);
    const access = new AccessKey(plan.apiKey ?? generatedKey);
    const queue = plan.queueOutput === null ? null : await openQueue(server.identity.baseUrl, plan.queueOutput, deps);
    if (queue !== null && generatedKey !== null) {
      output.note('other replicas accept other keys; use `--api-key-env` to give all of them the same one');
    }
    const rest = createRestDeps(server, plan, queue, { access, log }, deps);
    const service = createService({
      ...rest,
      version: host.version,
      simulator,
      conditions,
      webDir: join(host.programDir, 'web'),
      isLocal: isLoopback(plan.host),
    });

    const listening = await openPort(service, plan);
    for (const id of webhooks === null ? [] : simulator.unfinished()) webhooks?.watch(id);
    await output.answer(startAnswer(listening, plan, generatedKey, server, host.platform));
    if (options.open) await openPage(listening.origin, generatedKey, deps);
    if (generatedKey !== null) output.secrets.add(generatedKey); // shown once, then kept out of the log
    await rest.desk.resume?.();
    await untilAborted(host.interrupt);
    await stop(listening, rest.desk, log, deps);
    await renderer.close();
    return {};
  },
});

/** The simulator, unless the command line names a server: a setting alone must not cause costs. */
function chooseServer(deps: ServeDeps): Promise<Server> {
  return isServerNamed(deps) ? deps.servers.current() : deps.servers.simulator();
}

function isServerNamed({ options }: ServeDeps): boolean {
  return options.profile !== undefined || options.baseUrl !== undefined;
}

/** The demo key is public, so a server whose videos cost money gets a random key, unless it was given one. */
function generateKey(
  { apiKey, apiKeyEnv }: ServePlan,
  { configuration }: Server,
  { randomBytes }: Host,
): string | null {
  if (configuration.isSimulator) return null;
  if (apiKey === DEMO_KEY) {
    throw new SoraError('usage', {
      title: `\`--api-key-env ${apiKeyEnv}\` holds the public key \`${DEMO_KEY}\`, and these videos cost money`,
      hints: ['choose another key, or leave out `--api-key-env` to get a random one'],
    });
  }
  return apiKey === null ? `sora_${Buffer.from(randomBytes(24)).toString('base64url')}` : null;
}

function createRestDeps(
  server: Server,
  { maxCostMicros }: ServePlan,
  queue: OpenQueue | null,
  { access, log }: Pick<RestDeps, 'access' | 'log'>,
  deps: ServeDeps,
): RestDeps {
  const { host, objects, output, paths, random, jobs: knownJobs } = deps;
  const { configuration } = server;
  const { pid, randomBytes } = host;
  const submitDeps = knownJobs.submitDeps(server);
  const session = queue === null ? `serve-${Buffer.from(randomBytes(8)).toString('hex')}` : QUEUE_SESSION;
  const scope = { by: 'batch', value: session, profile: server.identity.profile, user: null } as const;
  const budget = new Budget({
    isFree: configuration.isSimulator,
    session,
    ...(queue && { spentElsewhere: () => queue.orders.spent(scope) }),
    maxCostMicros,
    maxOrderMicros: configuration.maxCostMicros?.value ?? null,
    confirmAboveMicros: configuration.confirmAboveMicros.value,
    ledger: submitDeps.ledger,
  });
  const upstream = {
    ...submitDeps,
    singleShot: server.singleShot,
    transport: server.direct.transport,
    capabilities: capabilitiesOf(configuration),
    prices: configuration.prices,
    budget,
    maxCostPerDayMicros: configuration.maxCostPerDay?.value ?? null,
  };
  const clean = (text: string): string => output.secrets.hide(text);
  const jobs = new RestJobStore({ path: join(paths.serviceDir, 'jobs.jsonl'), pid, randomBytes, isProcessAlive });
  const filesDir = join(paths.serviceDir, 'files');
  const runner = new JobRunner({ upstream, jobs, objects, filesDir, random, log, clean });
  return {
    desk: queue === null ? runner : createQueuedDesk(queue, upstream, deps),
    upstream,
    objects,
    access,
    log,
    clean,
    defaultModel: configuration.model?.value ?? null,
  };
}

function startAnswer(
  { origin }: ListeningServer,
  { apiKey, apiKeyEnv, maxCostMicros }: ServePlan,
  generatedKey: string | null,
  { identity, configuration }: Server,
  platform: NodeJS.Platform,
): Answer {
  const docs = `${origin}/docs`;
  const baseUrl = `${origin}/v1`;
  const shownKey = generatedKey ?? (apiKey === null ? DEMO_KEY : null);
  const key = shownKey ?? (platform === 'win32' ? `$env:${apiKeyEnv}` : `"$${apiKeyEnv}"`);
  const cap = maxCostMicros === null ? 'no `--max-cost`' : `at most ${formatUsd(maxCostMicros)} in all`;
  const paid = configuration.isSimulator ? '' : `; these videos cost money (${cap})`;
  return {
    data: { url: origin, base_url: baseUrl, docs, profile: identity.profile, api_key: shownKey },
    view: ({ palette }) =>
      [
        `${palette.bold('sora serve')} is running at ${palette.cyan(origin)} (stop with Ctrl-C)\n\n`,
        'to use it with an OpenAI client:\n',
        `  ${setVariable('OPENAI_BASE_URL', baseUrl, platform)}\n`,
        `  ${setVariable('OPENAI_API_KEY', key, platform)}\n\n`,
        `page     ${pageAddress(origin, generatedKey)}\n`,
        `docs     ${docs}\n`,
        `service  ${origin}/api/v1/videos, header x-api-key: ${key}, profile ${identity.profile}${paid}\n`,
      ].join(''),
  };
}

/** A fragment is not sent to the server, and the page removes it from its address. */
function pageAddress(origin: string, generatedKey: string | null): string {
  return generatedKey === null ? `${origin}/` : `${origin}/#key=${generatedKey}`;
}

/** An address with a key goes to the browser in a private file: other users can read the arguments of programs. */
async function openPage(origin: string, generatedKey: string | null, deps: ServeDeps): Promise<void> {
  const address = pageAddress(origin, generatedKey);
  if (generatedKey === null) return openSaved(address, deps);
  const path = join(deps.paths.serviceDir, 'open.html');
  await replaceFile(path, `<!doctype html><meta http-equiv="refresh" content="0;url=${address}">\n`);
  await openSaved(path, deps);
}

/** Lets open requests finish for a moment. The jobs keep running on their server. */
async function stop(listening: ListeningServer, desk: OrderDesk, log: Log, { host }: ServeDeps): Promise<void> {
  const { openRequests } = listening;
  const { openSubmissions } = desk;
  log('info', 'Stopping; press Ctrl-C again to exit immediately', { openRequests, openSubmissions });
  const patience = new AbortController();
  const graceIsOver = host.clock.sleep(GRACE_MS, patience.signal).catch(() => {});
  await Promise.race([listening.drain(), graceIsOver]);
  patience.abort();
  if (listening.openRequests > 0) {
    log('error', 'Dropped requests that did not finish in time', { openRequests: listening.openRequests });
  }
  await listening.close();
  await desk.stop?.();
  log('info', 'Stopped', {});
}
