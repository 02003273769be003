import type { VideosClient } from '../client/port.ts';
import type { Transport } from '../client/transport.ts';
import { SIMULATOR_PROFILE } from '../configuration/chosen-server.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { CUSTOM_PROFILE, DEFAULT_PROFILE } from '../domain/profile-names.ts';
import type { ServerIdentity } from '../domain/record.ts';
import { shellWord } from '../domain/shell.ts';

/** A server that is ready to be called. */
export interface Server {
  readonly identity: ServerIdentity;
  readonly configuration: Configuration;
  /** Sends reads again on passing faults. */
  readonly client: VideosClient;
  /** Below both clients: raw exchanges with the same key and headers. */
  readonly transport: Transport;
  /** Sends everything once; for loops that have their own patience. */
  readonly singleShot: VideosClient;
}

/** The option, with a space before it, that makes a pasted command talk to the same server; empty for the default. */
export function targetOption({ profile, baseUrl }: ServerIdentity): string {
  if (profile === SIMULATOR_PROFILE) return ' --simulate';
  if (profile === DEFAULT_PROFILE) return '';
  return profile === CUSTOM_PROFILE ? ` --base-url ${shellWord(baseUrl)}` : ` --profile ${profile}`;
}
