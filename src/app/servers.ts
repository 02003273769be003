import { existsSync } from 'node:fs';
import type { VideosClient } from '../client/port.ts';
import type { ClientOptions } from '../client/reply.ts';
import type { RetryOptions } from '../client/retry.ts';
import type { TraceEvent, Transport } from '../client/transport.ts';
import { profileNames } from '../configuration/chosen-server.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { accountFacts, capabilitiesOf, endpointOf, requireKey } from '../configuration/endpoint.ts';
import type { TargetOptions } from '../configuration/sources.ts';
import { DIALECTS } from '../domain/dialect.ts';
import { SoraError } from '../domain/errors.ts';
import { nearest } from '../domain/nearest.ts';
import { CUSTOM_PROFILE, DEFAULT_PROFILE, SIMULATOR_PROFILE } from '../domain/profile-names.ts';
import { isOfServer, type ServerIdentity } from '../domain/record.ts';
import { type RequestFormat, settingsOfFormat } from '../domain/request-format.ts';
import { shellWord } from '../domain/shell.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import type { Http } from '../platform/http.ts';
import { proxiesFrom } from '../platform/proxy-http.ts';
import type { FaultName } from '../simulator/faults.ts';
import type { Simulator } from '../simulator/simulator.ts';
import type { SimulatorOptions } from '../simulator/videos-api.ts';
import { accountOf } from '../store/account.ts';
import type { SoraPaths } from '../store/paths.ts';
import { type Settings, writeSettings } from '../store/settings.ts';
import type { GlobalOptions } from './global-options.ts';

/** A server that is ready to be called. */
export interface Server {
  readonly identity: ServerIdentity;
  readonly configuration: Configuration;
  /** Retries reads after transient failures. */
  readonly client: VideosClient;
  /** How it retries, for other reads. */
  readonly retries: RetryOptions;
  /** What calls outside of the clients take: the same transport, with the same key and headers. */
  readonly direct: ClientOptions;
  /** Sends everything once; for loops that retry on their own. */
  readonly singleShot: VideosClient;
}

/** The option, with a space before it, that makes a pasted command use the same server; empty for the default. */
export function targetOption({ profile, baseUrl }: ServerIdentity): string {
  if (profile === SIMULATOR_PROFILE) return ' --simulate';
  if (profile === DEFAULT_PROFILE) return '';
  return profile === CUSTOM_PROFILE ? ` --base-url ${shellWord(baseUrl)}` : ` --profile ${profile}`;
}

export interface ServersDeps {
  readonly host: Host;
  readonly options: GlobalOptions;
  readonly output: Output;
  readonly env: Host['env'];
  readonly paths: SoraPaths;
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly isServerNamed: boolean;
  /** 0 to 1. */
  readonly random: () => number;
  readonly configurationFor: (options: TargetOptions) => Configuration;
}

interface CallLimits {
  /** What is left of a command's timeout, which limits each call too. */
  readonly longestCallMs?: number;
}

/** A create gets at least this long, whatever `--timeout` is: aborting it would leave its outcome unknown. */
const SHORTEST_LIMIT_MS = 10_000;

/** Connects to servers: the one in use, those of jobs, and the simulator. Loads clients only when they are needed. */
export class Servers {
  readonly #deps: ServersDeps;
  readonly #connected = new Map<string, Promise<Server>>();
  #simulator: Pick<Simulator, 'answer'> | undefined;

  constructor(deps: ServersDeps) {
    this.#deps = deps;
  }

  /** The server chosen by options, environment and settings. Rejects with `no_api_key`. */
  current(limits: CallLimits = {}): Promise<Server> {
    return this.of(undefined, limits);
  }

  /** The simulator, whatever else is chosen. */
  simulator(): Promise<Server> {
    return this.connect(this.#deps.configurationFor({ simulate: true }));
  }

  /**
   * The server that a job belongs to, in the job’s dialect, so that an id alone is enough. Throws `usage` if the command
   * line selects another server or account, where the id may be unknown or another job's.
   */
  async of(identity: ServerIdentity | undefined, limits: CallLimits = {}): Promise<Server> {
    const configuration = this.configurationOf(identity);
    if (configuration.baseUrl.value === this.#deps.configuration.baseUrl.value) {
      requireKey(configuration, this.#deps.host.clock.now());
    }
    return this.connect(configuration, limits);
  }

  /** The configuration of that server. Throws the same `usage`. */
  configurationOf(identity: ServerIdentity | undefined): Configuration {
    const { configuration, options, settings, isServerNamed } = this.#deps;
    if (identity === undefined) return configuration;
    const own = configuration.dialect.value;
    const dialect = options.dialect === undefined ? (identity.dialect ?? 'videos') : DIALECTS[own].name;
    if (identity.baseUrl === configuration.baseUrl.value && !this.#isOfAnotherProfile(identity)) {
      const spoken = DIALECTS[own].name === dialect ? own : dialect;
      return { ...configuration, dialect: { value: spoken, origin: 'ledger' } };
    }
    if (isServerNamed) throw foreignJob(identity, configuration);
    const profile = profileNames(settings).includes(identity.profile) ? identity.profile : undefined;
    return this.#deps.configurationFor({ profile, remembered: identity.baseUrl, dialect });
  }

  /** Whether a job belongs to another profile that still exists, with another account. */
  #isOfAnotherProfile(identity: ServerIdentity): boolean {
    const { configuration, settings } = this.#deps;
    return profileNames(settings).includes(identity.profile) && !isOfServer(identity, this.identityOf(configuration));
  }

  /** The configurations of the server in use and of all profiles that are set up. */
  inUse(): Configuration[] {
    const { configuration, settings, configurationFor } = this.#deps;
    const names = profileNames(settings).filter((name) => name !== configuration.profile.value);
    const all = [configuration, ...names.map((profile) => configurationFor({ profile }))];
    return all.filter((candidate) => isSetUp(candidate, this.#deps));
  }

  /** The server of a configuration; the same one for the same address, key, timeout and format. */
  connect(given: Configuration, { longestCallMs = Number.POSITIVE_INFINITY }: CallLimits = {}): Promise<Server> {
    const { value, origin } = given.requestTimeoutMs;
    const limitMs = Math.max(longestCallMs, SHORTEST_LIMIT_MS);
    const configuration = { ...given, requestTimeoutMs: { value: Math.min(value, limitMs), origin } };
    const { profile, baseUrl, key, requestTimeoutMs, format, dialect } = configuration;
    const name = JSON.stringify([
      profile.value,
      baseUrl.value,
      key?.value,
      requestTimeoutMs.value,
      format,
      dialect.value,
    ]);
    const server = this.#connected.get(name) ?? this.#connect(configuration);
    this.#connected.set(name, server);
    return server;
  }

  /** What the ledger calls the server of a configuration. */
  identityOf(configuration: Configuration): ServerIdentity {
    const { profile, baseUrl, dialect } = configuration;
    return {
      profile: profile.value,
      baseUrl: baseUrl.value,
      dialect: dialect.value === 'videos' ? undefined : DIALECTS[dialect.value].name,
      account: accountOf(this.#deps.paths.accountSalt, accountFacts(configuration)),
    };
  }

  async #connect(configuration: Configuration): Promise<Server> {
    const [transport, { DialectClient }, { withRetries }, { withProfile }] = await Promise.all([
      this.transport(configuration),
      import('../client/dialect-client.ts'),
      import('../client/retry.ts'),
      import('../client/profile-client.ts'),
    ]);
    const { host, output, random } = this.#deps;
    const direct = { transport, profile: configuration.profile.value, now: () => host.clock.now() };
    const client = new DialectClient({
      ...direct,
      dialect: configuration.dialect.value,
      format: configuration.format,
      onLearnt: (facts) => this.#keepLearnt(facts, configuration),
    });
    const singleShot = withProfile(client, capabilitiesOf(configuration), configuration.modelNames);
    const onRetry = (call: keyof VideosClient, { message }: SoraError, delayMs: number): void => {
      output.news(`${message}; ${RETRIES[call]} in ${Math.ceil(delayMs / 1000)} s`);
    };
    const retries = { clock: host.clock, random, onRetry };
    return {
      identity: this.identityOf(configuration),
      configuration,
      direct,
      singleShot,
      client: withRetries(singleShot, retries),
      retries,
    };
  }

  /** Stores what was learnt about a server. If that fails, the next command learns it again. */
  async #keepLearnt(facts: Partial<RequestFormat>, { profile, isSimulator }: Configuration): Promise<void> {
    if (profile.value === CUSTOM_PROFILE || isSimulator) return;
    const learnt = Object.entries(settingsOfFormat(facts));
    await writeSettings(
      this.#deps.paths.settings,
      learnt.map(([name, value]) => [`profiles.${profile.value}.learnt.${name}`, value]),
    ).catch(() => {});
  }

  /** Raw exchanges with the server of a configuration, without the client, which is slow to load. */
  async transport(configuration: Configuration): Promise<Transport> {
    const [{ Transport }, http] = await Promise.all([
      import('../client/transport.ts'),
      configuration.isSimulator ? this.#simulatorHttp(configuration) : this.network(),
    ]);
    const { host, output } = this.#deps;
    return new Transport({
      http,
      endpoint: endpointOf(configuration),
      secrets: output.secrets,
      userAgent: `sora-cli/${host.version}`,
      timeoutMs: configuration.requestTimeoutMs.value,
      clock: host.clock,
      allowsPrivateFiles: configuration.allowsPrivateFiles,
      trace: output.options.debug ? this.#trace : undefined,
      onNotice: (notice) => output.note(notice),
    });
  }

  readonly #trace = ({ kind, ...facts }: TraceEvent): void => {
    this.#deps.output.debug(kind === 'response error' ? 'error' : 'debug', kind, facts);
  };

  /** The network, through the proxies of the environment. */
  async network(): Promise<Http> {
    const { host, env } = this.#deps;
    const proxies = proxiesFrom(env);
    if (proxies === null) return host.http;
    const { proxyHttp } = await import('../platform/proxy-http.ts');
    return proxyHttp(proxies, host.http);
  }

  /** Sends calls for the simulator to this one instead of one created on demand. */
  useSimulator(simulator: Pick<Simulator, 'answer'>): void {
    this.#simulator = simulator;
  }

  /** The options of every simulator in this process. */
  get simulatorOptions(): SimulatorOptions {
    const { host, paths, env } = this.#deps;
    const { clock, randomBytes } = host;
    return { stateDir: paths.simulatorDir, clock, randomBytes, speed: simulatorSpeed(env.SORA_SIMULATOR_SPEED) };
  }

  async #simulatorHttp({ dialect }: Configuration): Promise<Http> {
    if (dialect.value === 'openrouter') {
      throw new SoraError('not_supported', {
        title: 'the simulator speaks the dialects `videos` and `generations`',
        hints: ['add `--dialect videos` or `--dialect generations`'],
      });
    }
    const [{ createSimulator }, { httpTo }] = await Promise.all([
      import('../simulator/simulator.ts'),
      import('../http-server/handler.ts'),
    ]);
    const shape = dialect.value === 'new-api' ? dialect.value : 'guide';
    const simulator =
      this.#simulator ?? createSimulator({ ...this.simulatorOptions, fault: await this.#fault(), shape });
    return httpTo(simulator);
  }

  /** Throws `usage` for an unknown name. */
  async #fault(): Promise<FaultName | null> {
    const { fault } = this.#deps.options;
    if (fault === undefined) return null;
    const { FAULT_NAMES, parseFault } = await import('../simulator/faults.ts');
    const name = parseFault(fault);
    if (name !== null) return name;
    throw new SoraError('usage', {
      title: `the simulator has no fault \`${fault}\``,
      hints: [
        ...nearest(fault, FAULT_NAMES).map((near) => `did you mean \`${near}\`?`),
        `choose one of ${FAULT_NAMES.join(', ')}`,
      ],
    });
  }

  /** Throws `usage` for a `--fault` that is unknown or used without the simulator. */
  async checkFault(): Promise<void> {
    if (this.#deps.options.fault === undefined) return;
    if (!this.#deps.configuration.isSimulator)
      throw new SoraError('usage', { title: '`--fault` needs `--simulate`', hints: ['add `--simulate`'] });
    await this.#fault();
  }
}

/** The two built-in profiles always exist, whether or not they are used. */
function isSetUp(candidate: Configuration, { configuration, paths, env }: ServersDeps): boolean {
  const { profile, key, isSimulator } = candidate;
  if (isSimulator) return existsSync(paths.simulatorDir);
  if (profile.value !== DEFAULT_PROFILE) return true;
  // A key in the environment together with another address belongs to that address.
  const keyIsForAnotherServer =
    key !== null && Boolean(env[key.origin]) && Boolean(env.SORA_BASE_URL || env.OPENAI_BASE_URL);
  return key !== null && (candidate === configuration || !keyIsForAnotherServer);
}

/** What happens next. Only the first may sound like a payment. */
const RETRIES: Readonly<Record<keyof VideosClient, string>> = {
  create: 'nothing was created; retrying',
  get: 'checking the job again',
  list: 'reading the list of videos again',
  remove: 'retrying the deletion',
  content: 'retrying the download',
};

function foreignJob(identity: ServerIdentity, { profile, baseUrl }: Configuration): SoraError {
  return new SoraError('usage', {
    title: `this job belongs to ${identity.baseUrl} (profile ${identity.profile}), not to ${baseUrl.value} (profile ${profile.value})`,
    hints: ['leave out `--profile`, `--base-url` and `--simulate`: the ledger knows the server of the job'],
  });
}

function simulatorSpeed(text: string | undefined): number {
  if (text === undefined || text === '') return 1;
  const speed = Number(text);
  if (speed > 0 && Number.isFinite(speed)) return speed;
  throw new SoraError('invalid_config', {
    title: `SORA_SIMULATOR_SPEED is \`${text}\`, not a number above 0`,
    hints: ['set `SORA_SIMULATOR_SPEED=10` to run it ten times as fast'],
  });
}
