import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { VideosClient } from '../client/port.ts';
import type { TraceEvent, Transport } from '../client/transport.ts';
import { profileNames } from '../configuration/chosen-server.ts';
import { type Configuration, resolveConfiguration } from '../configuration/configuration.ts';
import { apiFormOf, endpointOf, knowledgeOf, requireKey, secretsOf } from '../configuration/endpoint.ts';
import type { TargetOptions } from '../configuration/sources.ts';
import { SoraError } from '../domain/errors.ts';
import type { ServerIdentity } from '../domain/record.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import type { Http } from '../platform/http.ts';
import { proxiesFrom } from '../platform/proxy-http.ts';
import type { Simulator } from '../simulator/simulator.ts';
import type { SimulatorOptions } from '../simulator/simulator-options.ts';
import { isExposed, readKeys } from '../store/keys.ts';
import { Ledger } from '../store/ledger.ts';
import { describeProblems } from '../store/ledger-line.ts';
import { type SoraPaths, soraPaths } from '../store/paths.ts';
import { readSettings, type Settings } from '../store/settings.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Server } from './server.ts';

/** What a command works with; everything is made when it is first asked for. */
export class Context {
  readonly host: Host;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly paths: SoraPaths;
  #settings: Settings | undefined;
  #configuration: Configuration | undefined;
  #ledger: Ledger | undefined;
  readonly #servers = new Map<string, Promise<Server>>();
  #simulator: Pick<Simulator, 'handle'> | undefined;

  constructor(host: Host, options: GlobalOptions, output: Output) {
    this.host = host;
    this.options = options;
    this.output = output;
    this.env = environmentOf(host, options.envFile);
    this.paths = soraPaths({ env: this.env, platform: host.platform, homeDir: host.homeDir });
  }

  /** 0 to 1. */
  readonly random = (): number => Buffer.from(this.host.randomBytes(4)).readUInt32LE() / 0xffff_ffff;

  get settings(): Settings {
    this.#settings ??= readSettings(this.paths.settings);
    return this.#settings;
  }

  /** Reads the settings anew when they are next asked for: they were just written. */
  forgetSettings(): void {
    this.#settings = undefined;
    this.#configuration = undefined;
  }

  get configuration(): Configuration {
    this.#configuration ??= this.#resolve(this.options);
    return this.#configuration;
  }

  /** What would be in force with `--profile`. */
  configurationOf(profile: string): Configuration {
    return this.#resolve({ profile });
  }

  get ledger(): Ledger {
    if (this.#ledger === undefined) {
      this.#ledger = new Ledger({ journal: this.paths.ledger, index: this.paths.ledgerIndex });
      const problems = this.#ledger.problems();
      if (problems.length > 0) {
        this.output.note(`what cannot be read of ${this.paths.ledger} is passed over: ${describeProblems(problems)}`);
      }
    }
    return this.#ledger;
  }

  /** The server that the options, the environment and the settings choose. Rejects with `no_api_key`. */
  async server(): Promise<Server> {
    requireKey(this.configuration, this.host.clock.now());
    return this.serverFor(this.configuration);
  }

  /** The simulator, whatever else is chosen. */
  simulatorServer(): Promise<Server> {
    return this.serverFor(this.#resolve({ simulate: true }));
  }

  /** Whether the command line names a server. */
  get isServerNamed(): boolean {
    const { profile, baseUrl, simulate } = this.options;
    return profile !== undefined || baseUrl !== undefined || simulate === true;
  }

  /**
   * The server that a job belongs to. What the user names wins; else it is the
   * server that the ledger remembers, in the dialect that the job was made in, so
   * that an id alone is enough.
   */
  async serverOf(identity: ServerIdentity | undefined): Promise<Server> {
    const { configuration } = this;
    if (identity === undefined) return this.server();
    const dialect = this.options.dialect === undefined ? (identity.dialect ?? 'videos') : configuration.dialect.value;
    if (identity.baseUrl === configuration.baseUrl.value) {
      requireKey(configuration, this.host.clock.now());
      return this.serverFor({ ...configuration, dialect: { value: dialect, origin: 'ledger' } });
    }
    if (this.isServerNamed) return this.server();
    const isDefined = profileNames(this.settings).includes(identity.profile);
    const profile = isDefined ? identity.profile : undefined;
    return this.serverFor(this.#resolve({ profile, remembered: identity.baseUrl, dialect }));
  }

  /** Whether a person can be asked. */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.host;
    const { noInput, json } = this.options;
    return stdin.isTTY === true && stderr.isTTY === true && noInput !== true && json !== true && !this.env.CI;
  }

  #resolve(options: TargetOptions): Configuration {
    const { keys } = this.paths;
    const configuration = resolveConfiguration({
      options,
      env: this.env,
      settings: this.settings,
      keys: readKeys(keys),
    });
    for (const secret of secretsOf(configuration)) this.output.keepSecret(secret);
    if (isExposed(keys, this.host.platform)) {
      this.output.note(`others can read your keys; run \`chmod 600 ${keys}\``);
    }
    return configuration;
  }

  /** The server of a configuration; the same one for the same address, key, patience and encoding. */
  serverFor(configuration: Configuration): Promise<Server> {
    const { profile, baseUrl, key, requestTimeoutMs, encoding } = configuration;
    const form = apiFormOf(configuration);
    const name = JSON.stringify([profile.value, baseUrl.value, key?.value, requestTimeoutMs.value, encoding, form]);
    const server = this.#servers.get(name) ?? this.#connect(configuration);
    this.#servers.set(name, server);
    return server;
  }

  async #connect(configuration: Configuration): Promise<Server> {
    const [transport, { withRetries }, { withKnowledge }] = await Promise.all([
      this.transportFor(configuration),
      import('../client/retry.ts'),
      import('../client/profile-client.ts'),
    ]);
    const { clock } = this.host;
    const { profile, baseUrl, dialect } = configuration;
    const singleShot = withKnowledge(await this.#clientOn(transport, configuration), knowledgeOf(configuration));
    const onRetry = (error: SoraError, delayMs: number): void => {
      this.output.news(`${error.message}; trying again in ${Math.ceil(delayMs / 1000)} s`);
    };
    return {
      identity: {
        profile: profile.value,
        baseUrl: baseUrl.value,
        dialect: dialect.value === 'videos' ? undefined : dialect.value,
      },
      configuration,
      transport,
      singleShot,
      client: withRetries(singleShot, { clock, random: this.random, onRetry }),
    };
  }

  /** The openai SDK is loaded for its own dialect only. */
  async #clientOn(transport: Transport, configuration: Configuration): Promise<VideosClient> {
    const { encoding, profile } = configuration;
    const form = apiFormOf(configuration);
    const shared = { transport, profile: profile.value, now: () => this.host.clock.now() };
    if (form === 'videos') {
      const { SdkVideosClient } = await import('../client/videos.ts');
      return new SdkVideosClient({ ...shared, encoding });
    }
    const { JsonVideosClient } = await import('../client/json-videos.ts');
    return new JsonVideosClient({ ...shared, form });
  }

  /** Raw exchanges with the server of a configuration, without the client above them, which is slow to load. */
  async transportFor(configuration: Configuration): Promise<Transport> {
    const [{ Transport }, http] = await Promise.all([
      import('../client/transport.ts'),
      configuration.isSimulator ? this.#simulatorHttp(configuration) : this.#network(),
    ]);
    const { clock, version } = this.host;
    return new Transport({
      http,
      endpoint: endpointOf(configuration),
      userAgent: `sora-cli/${version}`,
      idleTimeoutMs: configuration.requestTimeoutMs.value,
      now: () => clock.now(),
      trace: this.output.options.debug ? this.#trace : undefined,
      onNotice: (notice) => this.output.note(notice),
    });
  }

  readonly #trace = ({ kind, ...facts }: TraceEvent): void => {
    this.output.debug(kind === 'response error' ? 'error' : 'debug', kind, facts);
  };

  async #network(): Promise<Http> {
    const proxies = proxiesFrom(this.env);
    if (proxies === null) return this.host.http;
    const { proxyHttp } = await import('../platform/proxy-http.ts');
    return proxyHttp(proxies, this.host.http);
  }

  /** Lets calls to the simulator go to this one, in the place of one of their own. */
  useSimulator(simulator: Pick<Simulator, 'handle'>): void {
    this.#simulator = simulator;
  }

  /** What every simulator of this program works with. */
  get simulatorOptions(): SimulatorOptions {
    const { clock, randomBytes } = this.host;
    const speed = simulatorSpeed(this.env.SORA_SIMULATOR_SPEED);
    return { stateDir: this.paths.simulatorDir, clock, randomBytes, speed };
  }

  async #simulatorHttp({ dialect, shape }: Configuration): Promise<Http> {
    if (dialect.value === 'openrouter') {
      throw new SoraError('not_supported', {
        title: 'the simulator speaks the dialects `videos` and `generations`',
        hints: ['add `--dialect videos` or `--dialect generations`'],
      });
    }
    const [{ createSimulator }, { httpFromHandler }] = await Promise.all([
      import('../simulator/simulator.ts'),
      import('../platform/http.ts'),
    ]);
    const simulator =
      this.#simulator ?? createSimulator({ ...this.simulatorOptions, fault: await this.#fault(), shape });
    return httpFromHandler((request) => simulator.handle(request));
  }

  /** Throws `usage` for one that there is not. */
  async #fault(): Promise<import('../simulator/faults.ts').FaultName | null> {
    const { fault } = this.options;
    if (fault === undefined) return null;
    const { FAULTS, parseFault } = await import('../simulator/faults.ts');
    const name = parseFault(fault);
    if (name !== null) return name;
    throw new SoraError('usage', {
      title: `the simulator knows no fault \`${fault}\``,
      hints: [`choose one of ${FAULTS.map((entry) => entry.name).join(', ')}`],
    });
  }

  /** Only the simulator fails on demand, and in known ways. */
  async checkOptions(): Promise<void> {
    if (this.options.fault === undefined) return;
    if (!this.configuration.isSimulator)
      throw new SoraError('usage', { title: '`--fault` needs `--simulate`', hints: ['add `--simulate`'] });
    await this.#fault();
  }
}

/** The environment, with the file that `--env-file` names behind it. */
function environmentOf(host: Host, envFile: string | undefined): Host['env'] {
  if (envFile === undefined) return host.env;
  const path = resolve(host.cwd, envFile);
  try {
    return { ...parseEnv(readFileSync(path, 'utf8')), ...host.env };
  } catch (error) {
    throw new SoraError('usage', {
      title: `could not read the environment file ${path}`,
      causedBy: error instanceof Error ? error.message : String(error),
      hints: ['check the path given to `--env-file`'],
    });
  }
}

function simulatorSpeed(text: string | undefined): number {
  if (text === undefined || text === '') return 1;
  const speed = Number(text);
  if (speed > 0 && Number.isFinite(speed)) return speed;
  throw new SoraError('invalid_config', {
    title: `SORA_SIMULATOR_SPEED is \`${text}\`, not a number above 0`,
    hints: ['set `SORA_SIMULATOR_SPEED=10` to make it ten times as fast'],
  });
}
