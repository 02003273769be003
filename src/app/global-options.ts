import { DIALECT_NAMES } from '../domain/dialect.ts';
import { type OptionSpecs, type OptionValues, option } from './option-values.ts';

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  profile: option('--profile <name>', 'profile (server and key) from the settings'),
  baseUrl: option('--base-url <url>', 'base URL of the server, including /v1'),
  dialect: option('--dialect <name>', 'dialect of the API that the server speaks', { choices: DIALECT_NAMES }),
  simulate: option('--simulate', 'use the built-in simulator: free, offline, real MP4 files'),
  fault: option('--fault <name>', 'with --simulate: make the simulator fail in this way'),
  json: option('--json', 'print one JSON document'),
  quiet: option('-q, --quiet', 'print nothing but the answer and errors'),
  debug: option('--debug', 'show each request and response (also LOG_LEVEL=debug)'),
  color: option('--color <when>', 'colour', { choices: ['auto', 'always', 'never'] }),
  noInput: option('--no-input', 'never prompt; every question is answered with no'),
  envFile: option('--env-file <file>', 'read environment variables from a file'),
} as const satisfies OptionSpecs;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;
