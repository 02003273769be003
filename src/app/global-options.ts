import { DIALECT_NAMES } from '../domain/dialect.ts';
import type { OptionSpecs, OptionValues } from './option-values.ts';

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  profile: { flags: '--profile <name>', summary: 'profile (server and key) from the settings' },
  baseUrl: { flags: '--base-url <url>', summary: 'base URL of the server, including /v1' },
  dialect: {
    flags: '--dialect <name>',
    summary: 'dialect of the API that the server speaks',
    choices: DIALECT_NAMES,
  },
  simulate: { flags: '--simulate', summary: 'use the built-in simulator: free, offline, real MP4 files' },
  fault: { flags: '--fault <name>', summary: 'with --simulate: make the simulator fail in this way' },
  json: { flags: '--json', summary: 'print one JSON document' },
  quiet: { flags: '-q, --quiet', summary: 'print nothing but the answer and errors' },
  debug: { flags: '--debug', summary: 'show each request and response (also LOG_LEVEL=debug)' },
  color: { flags: '--color <when>', summary: 'colour', choices: ['auto', 'always', 'never'] },
  noInput: { flags: '--no-input', summary: 'never prompt; every question is answered with no' },
  envFile: { flags: '--env-file <file>', summary: 'read environment variables from a file' },
} as const satisfies OptionSpecs;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;
