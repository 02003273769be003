import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type Configuration, resolveConfiguration } from '../configuration/configuration.ts';
import { secretsOf } from '../configuration/endpoint.ts';
import type { TargetOptions } from '../configuration/sources.ts';
import { SoraError } from '../domain/errors.ts';
import type { Output } from '../output/output.ts';
import type { Host } from '../platform/host.ts';
import { isExposed, readKeys } from '../store/keys.ts';
import { Ledger } from '../store/ledger.ts';
import { describeProblems } from '../store/ledger-line.ts';
import { type SoraPaths, soraPaths } from '../store/paths.ts';
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
  #settings: Settings | undefined;
  #configuration: Configuration | undefined;
  #ledger: Ledger | undefined;

  constructor(host: Host, options: GlobalOptions, output: Output) {
    this.host = host;
    this.options = options;
    this.output = output;
    this.env = environmentOf(host, options.envFile);
    this.paths = soraPaths({ env: this.env, platform: host.platform, homeDir: host.homeDir });
  }

  /** The same with `--profile`, whatever server the command line names. */
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

  /** Rereads the settings when they are next needed: they were just written. */
  forgetSettings(): void {
    this.#settings = undefined;
    this.#configuration = undefined;
  }

  /** The configuration in effect. */
  get configuration(): Configuration {
    this.#configuration ??= this.configurationFor(this.options);
    return this.#configuration;
  }

  /** What would be in effect with these options. */
  readonly configurationFor = (options: TargetOptions): Configuration => {
    const { env, settings, paths } = this;
    const configuration = resolveConfiguration({ options, env, settings, keys: readKeys(paths.keys) });
    for (const secret of secretsOf(configuration)) this.output.keepSecret(secret);
    if (isExposed(paths.keys, this.host.platform)) {
      this.output.note(`others can read your keys; run \`chmod 600 ${paths.keys}\``);
    }
    return configuration;
  };

  get ledger(): Ledger {
    if (this.#ledger === undefined) {
      this.#ledger = new Ledger({ journal: this.paths.ledger, index: this.paths.ledgerIndex });
      const problems = this.#ledger.problems();
      if (problems.length > 0) {
        this.output.note(
          `skipped what cannot be read of ${this.paths.ledger}: ${describeProblems(problems)}; run \`sora ledger check\``,
        );
      }
    }
    return this.#ledger;
  }

  /** Whether the command line names a server. */
  get isServerNamed(): boolean {
    const { profile, baseUrl, simulate } = this.options;
    return profile !== undefined || baseUrl !== undefined || simulate === true;
  }

  /** Whether there is a terminal to ask on. */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.host;
    const { noInput, json } = this.options;
    return stdin.isTTY === true && stderr.isTTY === true && noInput !== true && json !== true && !this.env.CI;
  }
}

/** The environment, with the values of `--env-file` for what it does not set. */
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
