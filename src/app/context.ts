import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { SoraError } from '../domain/errors.ts';
import type { ServerIdentity } from '../domain/record.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import type { Http } from '../platform/http.ts';
import { proxiesFrom } from '../platform/proxy-http.ts';
import { isExposed, readKeys } from '../store/keys.ts';
import { Ledger } from '../store/ledger.ts';
import { type SoraPaths, soraPaths } from '../store/paths.ts';
import { readSettings, type Settings } from '../store/settings.ts';
import {
  type Configuration,
  endpointOf,
  knowledgeOf,
  profileNames,
  requireKey,
  resolveConfiguration,
  secretsOf,
  type TargetOptions,
} from './configuration.ts';
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
      for (const { line, reason } of this.#ledger.problems()) {
        this.output.note(`line ${line} of ${this.paths.ledger} cannot be read and is passed over: ${reason}`);
      }
    }
    return this.#ledger;
  }

  /** The server that the options, the environment and the settings choose. Rejects with `no_api_key`. */
  async server(): Promise<Server> {
    requireKey(this.configuration);
    return this.serverFor(this.configuration);
  }

  /** Whether the command line names a server. */
  get isServerNamed(): boolean {
    const { profile, baseUrl, simulate } = this.options;
    return profile !== undefined || baseUrl !== undefined || simulate === true;
  }

  /**
   * The server that a job belongs to. What the user names wins; else it is the
   * server that the ledger remembers, so that an id alone is enough.
   */
  serverOf(identity: ServerIdentity | undefined): Promise<Server> {
    if (identity === undefined || this.isServerNamed || identity.baseUrl === this.configuration.baseUrl.value)
      return this.server();
    const isDefined = profileNames(this.settings).includes(identity.profile);
    const profile = isDefined ? identity.profile : undefined;
    return this.serverFor(this.#resolve({ profile, remembered: identity.baseUrl }));
  }

  /** Whether a person can be asked. */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.host;
    const { noInput, json } = this.options;
    return stdin.isTTY === true && stderr.isTTY === true && noInput !== true && json !== true && !this.env.CI;
  }

  #resolve(options: TargetOptions): Configuration {
    if (this.options.dialect === 'generations') {
      throw new SoraError('not_supported', {
        title: 'this version speaks the dialect `videos` only',
        hints: ['leave `--dialect generations` out'],
      });
    }
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

  /** The server of a configuration; the same one for the same address, key and patience. */
  serverFor(configuration: Configuration): Promise<Server> {
    const { profile, baseUrl, key, requestTimeoutMs } = configuration;
    const name = JSON.stringify([profile.value, baseUrl.value, key?.value, requestTimeoutMs.value]);
    const server = this.#servers.get(name) ?? this.#connect(configuration);
    this.#servers.set(name, server);
    return server;
  }

  async #connect(configuration: Configuration): Promise<Server> {
    const [{ SdkVideosClient }, { Transport }, { withRetries }, { withKnowledge }] = await Promise.all([
      import('../client/videos.ts'),
      import('../client/transport.ts'),
      import('../client/retry.ts'),
      import('../client/profile-client.ts'),
    ]);
    const { clock } = this.host;
    const { profile, baseUrl, encoding, requestTimeoutMs } = configuration;
    const transport = new Transport({
      http: configuration.isSimulator ? await this.#simulator() : await this.#network(),
      endpoint: endpointOf(configuration),
      userAgent: `sora-cli/${this.host.version}`,
      idleTimeoutMs: requestTimeoutMs.value,
      now: () => clock.now(),
      trace: this.#trace,
      onNotice: (notice) => this.output.note(notice),
    });
    const spoken = new SdkVideosClient({ transport, encoding, profile: profile.value, now: () => clock.now() });
    const singleShot = withKnowledge(spoken, knowledgeOf(configuration));
    const onRetry = (error: SoraError, delayMs: number): void => {
      this.output.news(`${error.message}; trying again in ${Math.ceil(delayMs / 1000)} s`);
    };
    return {
      identity: { profile: profile.value, baseUrl: baseUrl.value },
      configuration,
      transport,
      singleShot,
      client: withRetries(singleShot, { clock, random: this.random, onRetry }),
    };
  }

  readonly #trace = (event: import('../client/transport.ts').TraceEvent): void => {
    const { kind, ...facts } = event;
    if (kind === 'failure') this.output.debug('error', 'response error', facts);
    else this.output.debug('debug', kind, facts);
    if (event.kind === 'response' && event.status >= 400) {
      const { status, url } = event;
      this.output.debug('error', 'response error', { status, url, error: `HTTP ${status}` });
    }
  };

  async #network(): Promise<Http> {
    const proxies = proxiesFrom(this.env);
    if (proxies === null) return this.host.http;
    const { proxyHttp } = await import('../platform/proxy-http.ts');
    return proxyHttp(proxies);
  }

  async #simulator(): Promise<Http> {
    const [{ createSimulator }, { httpFromHandler }] = await Promise.all([
      import('../simulator/simulator.ts'),
      import('../platform/http.ts'),
    ]);
    const { clock, randomBytes } = this.host;
    const simulator = createSimulator({
      stateDir: this.paths.simulatorDir,
      clock,
      randomBytes,
      speed: simulatorSpeed(this.env.SORA_SIMULATOR_SPEED),
      fault: await this.#fault(),
    });
    return httpFromHandler((request) => simulator.handle(request));
  }

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

  /** Only the simulator fails on demand. */
  checkOptions(): void {
    if (this.options.fault === undefined || this.configuration.isSimulator) return;
    throw new SoraError('usage', { title: '`--fault` needs `--simulate`', hints: ['add `--simulate`'] });
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
