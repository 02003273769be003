import { DIALECT_NAMES } from '../domain/dialect.ts';
import type { OptionSpecs, OptionValues } from './option-values.ts';

/** Taken by every command. */
export const GLOBAL_OPTIONS = {
  profile: { flags: '--profile <name>', summary: 'server and key to use, from the settings' },
  baseUrl: { flags: '--base-url <url>', summary: 'address of the server, up to and with its /v1' },
  dialect: {
    flags: '--dialect <name>',
    summary: 'form of the API that the server speaks',
    choices: DIALECT_NAMES,
  },
  simulate: { flags: '--simulate', summary: 'use the built-in simulator: free, offline, real MP4 files' },
  fault: { flags: '--fault <name>', summary: 'with --simulate: let the simulator fail in this way' },
  json: { flags: '--json', summary: 'print one JSON document' },
  quiet: { flags: '-q, --quiet', summary: 'print nothing but the answer and errors' },
  debug: { flags: '--debug', summary: 'show each request and response (also LOG_LEVEL=debug)' },
  color: { flags: '--color <when>', summary: 'colour', choices: ['auto', 'always', 'never'] },
  noInput: { flags: '--no-input', summary: 'never ask; what would be asked is answered with no' },
  envFile: { flags: '--env-file <file>', summary: 'read environment variables from a file' },
} as const satisfies OptionSpecs;

export type GlobalOptions = OptionValues<typeof GLOBAL_OPTIONS>;
