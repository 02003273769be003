import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type Configuration, resolveConfiguration } from '../configuration/configuration.ts';
import { secretsOf } from '../configuration/endpoint.ts';
import type { TargetOptions, Variables } from '../configuration/sources.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import { secretsOfUrl } from '../domain/redact.ts';
import { shellWord } from '../domain/shell.ts';
import { decodeText } from '../jobs/input-file.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import { S3Store } from '../object-storage/s3-store.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import { readRegular } from '../platform/open-input.ts';
import { proxiesFrom, proxyFor } from '../platform/proxy-http.ts';
import { passwordsIn } from '../store/connection.ts';
import { FileLedger } from '../store/file-ledger.ts';
import type { JobQueue } from '../store/job-queue.ts';
import { isExposed, readKeys } from '../store/keys.ts';
import type { Ledger } from '../store/ledger.ts';
import { describeProblems } from '../store/ledger-line.ts';
import { readModelList } from '../store/model-lists.ts';
import type { OrderTable } from '../store/order-table.ts';
import { type SoraPaths, soraPaths } from '../store/paths.ts';
import { PostgresLedger } from '../store/postgres-ledger.ts';
import { ledgerFault } from '../store/setting-specs.ts';
import { readSettings, type Settings } from '../store/settings.ts';
import type { GlobalOptions } from './global-options.ts';
import { KnownJobs } from './known-jobs.ts';
import { Servers } from './servers.ts';

/** Everything that commands work with, created when first used. A command takes the parts it needs: `Pick<Context, …>`. */
export class Context {
  readonly host: Host;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly env: Host['env'];
  readonly paths: SoraPaths;
  readonly servers = new Servers(this);
  readonly jobs = new KnownJobs(this);
  readonly #envFile: Variables;
  readonly #isFolderFromFile: boolean;
  #settings: Settings | undefined;
  #configuration: Configuration | undefined;
  #ledger: Ledger | undefined;
  #objects: ObjectStore | undefined;

  constructor(host: Host, options: GlobalOptions, output: Output) {
    this.host = host;
    this.options = options;
    this.output = output;
    this.#envFile = options.envFile === undefined ? {} : readEnvFile(resolve(host.cwd, options.envFile));
    this.env = options.envFile === undefined ? host.env : { ...this.#envFile, ...host.env };
    const { platform, homeDir } = host;
    this.paths = soraPaths({ env: this.env, platform, homeDir });
    this.#isFolderFromFile =
      options.envFile !== undefined && this.paths.settings !== soraPaths({ env: host.env, platform, homeDir }).settings;
  }

  /** The same with `--profile`, whatever server the command line selects. */
  withProfile(profile: string): Context {
    const options = { ...this.options, profile, baseUrl: undefined, dialect: undefined, simulate: undefined };
    return new Context(this.host, options, this.output);
  }

  /** 0 to 1. */
  readonly random = (): number => Buffer.from(this.host.randomBytes(4)).readUInt32LE() / 0xffff_ffff;

  get settings(): Settings {
    this.#settings ??= readSettings(this.paths.settings);
    return this.#settings;
  }

  /** Drops the settings in memory after they were changed on disk. */
  forgetSettings(): void {
    this.#settings = undefined;
    this.#configuration = undefined;
  }

  get configuration(): Configuration {
    this.#configuration ??= this.configurationFor({ ...this.options, isInUse: true });
    return this.#configuration;
  }

  /** The configuration that these options would give. */
  readonly configurationFor = (options: TargetOptions): Configuration => {
    const { host, env, settings, paths } = this;
    const proxies = [proxiesFrom(env), proxiesFrom(host.env)];
    const configuration = resolveConfiguration({
      options,
      env: host.env,
      envFile: this.#envFile,
      settings,
      keys: readKeys(paths.keys),
      isFolderFromFile: this.#isFolderFromFile,
      keptModelList: (source) => readModelList(paths.modelListsDir, source, host.clock.now()),
      isProxyFromFile: (address) => {
        const [proxy, usersProxy] = proxies.map((known) => known && proxyFor(address, known));
        return proxy !== null && proxy !== usersProxy;
      },
    });
    const ofProxies = proxies.flatMap((known) => known && [known.httpProxy, known.httpsProxy].flatMap(secretsOfUrl));
    const ofWebhook = env.OPENAI_WEBHOOK_SECRET ?? '';
    this.output.secrets.add(...secretsOf(configuration), ...ofProxies.filter((secret) => secret !== null), ofWebhook);
    if (configuration.withheldKey !== null) {
      this.output.note(
        `the key ${configuration.withheldKey} is not sent: \`--env-file\` chose where it would go; set a key in that file`,
      );
    }
    if (isExposed(paths.keys, this.host.platform)) {
      this.output.note(`others can read your keys; run \`chmod 600 ${shellWord(paths.keys)}\``);
    }
    return configuration;
  };

  /** The URL of the ledger of a team; undefined for the file of this machine. Throws `invalid_config` for an invalid one. */
  get sharedLedgerUrl(): string | undefined {
    const url = this.env.SORA_LEDGER?.trim() || this.settings.get('ledger');
    if (url === undefined) return undefined;
    const fault = ledgerFault(url);
    if (fault === null) return url;
    throw new SoraError('invalid_config', {
      title: `\`SORA_LEDGER\`: ${fault}`,
      hints: ['remove `SORA_LEDGER` from the environment to use the ledger of this machine'],
    });
  }

  get ledger(): Ledger {
    this.#ledger ??= this.#openLedger();
    return this.#ledger;
  }

  /** A ledger in a PostgreSQL database. If the environment file chose it, the user’s own password is not sent to it. */
  postgresLedger(url: string): PostgresLedger {
    this.output.secrets.add(...passwordsIn(url));
    const { env, homeDir, platform, clock } = this.host;
    const isFromFile = this.#isDatabaseFromFile(url);
    if (isFromFile && env.PGPASSWORD && !this.#envFile.PGPASSWORD) {
      this.output.note('PGPASSWORD is not sent: `--env-file` chose where it would go; set it in that file');
    }
    const source = { env: isFromFile ? this.#envFile : this.env, isFromFile };
    return new PostgresLedger({ url, ...source, homeDir, platform, clock });
  }

  #isDatabaseFromFile(url: string): boolean {
    const { env } = this.host;
    const ofFile = Object.keys(this.#envFile).filter((name) => !Object.hasOwn(env, name));
    if (ofFile.some((name) => /^PG(HOST|PORT|SERVICE|SYSCONFDIR|SSL)/.test(name))) return true;
    if (ofFile.includes('SORA_LEDGER') && url === this.#envFile.SORA_LEDGER?.trim()) return true;
    return this.#isFolderFromFile && url === this.settings.get('ledger');
  }

  /** The queue of a server, open, in the shared ledger's database. Throws `usage` without one, and as `Database` does. */
  readonly jobQueue = async (server: string): Promise<JobQueue> => {
    const { database } = this.#sharedLedger();
    const { JobQueue } = await import('../store/job-queue.ts');
    const queue = new JobQueue(database, server);
    await queue.open();
    return queue;
  };

  /** The orders of a server’s REST service, which wait in its queue. */
  readonly orderTable = async (queue: JobQueue): Promise<OrderTable> => {
    const { OrderTable } = await import('../store/order-table.ts');
    return new OrderTable(this.#sharedLedger().database, queue);
  };

  /** The queues of all servers. */
  readonly jobQueues = async (): Promise<JobQueue[]> => {
    const { database } = this.#sharedLedger();
    const { JobQueue, queuedServers } = await import('../store/job-queue.ts');
    return (await queuedServers(database)).map((server) => new JobQueue(database, server));
  };

  #sharedLedger(): PostgresLedger {
    const { ledger } = this;
    if (ledger instanceof PostgresLedger) return ledger;
    throw new SoraError('usage', {
      title: 'the queue needs a shared ledger in PostgreSQL',
      hints: ['set `SORA_LEDGER`, or run `sora config set ledger postgres://…`'],
    });
  }

  /** The ledger in a file of this machine. */
  fileLedger(): FileLedger {
    return new FileLedger({ journal: this.paths.ledger, index: this.paths.ledgerIndex });
  }

  #openLedger(): Ledger {
    const url = this.sharedLedgerUrl;
    if (url !== undefined) return this.postgresLedger(url);
    const ledger = this.fileLedger();
    const problems = ledger.problems();
    if (problems.length > 0) {
      this.output.note(
        `skipped unreadable parts of ${this.paths.ledger}: ${describeProblems(problems)}; run \`sora ledger check\``,
      );
    }
    return ledger;
  }

  /** Object storage. Its addresses and keys come from the environment of the process, never from `--env-file`. */
  get objects(): ObjectStore {
    const { host, output, paths } = this;
    this.#objects ??= new S3Store({
      spoolDir: paths.spoolDir,
      env: host.env,
      http: () => this.servers.network(),
      clock: host.clock,
      signal: host.interrupt,
      onSecret: (secret) => output.secrets.add(secret),
    });
    return this.#objects;
  }

  /** Whether the command line selects a server. */
  get isServerNamed(): boolean {
    const { profile, baseUrl, simulate } = this.options;
    return profile !== undefined || baseUrl !== undefined || simulate === true;
  }

  /** Whether prompts are possible. */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.host;
    const { noInput, json } = this.options;
    return stdin.isTTY === true && stderr.isTTY === true && noInput !== true && json !== true && !this.env.CI;
  }
}

/** What it takes to submit jobs, wait for them and save their files. */
export type RunDeps = Pick<
  Context,
  'configuration' | 'ledger' | 'servers' | 'objects' | 'jobs' | 'random' | 'output' | 'host'
>;

/** The variables of an environment file. Throws `usage` for one that cannot be read, such as a pipe, which Node has read already. */
function readEnvFile(path: string): Variables {
  let variables: Variables;
  try {
    variables = parseEnv(decodeText(readRegular(path), 'it'));
  } catch (error) {
    throw new SoraError('usage', {
      title: `could not read the environment file ${path}`,
      causedBy: messageOf(error),
      hints: ['check the path given to `--env-file`'],
    });
  }
  if (!Object.hasOwn(variables, 'NODE_OPTIONS')) return variables;
  throw new SoraError('usage', {
    title: `the environment file ${path} sets NODE_OPTIONS, which changes the program itself`,
    hints: [`remove NODE_OPTIONS from ${path}`],
  });
}
