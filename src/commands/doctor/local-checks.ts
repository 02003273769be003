import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { needsKey } from '../../configuration/endpoint.ts';
import { isOpenAiUrl } from '../../domain/diagnosis.ts';
import { messageOf, SoraError } from '../../domain/errors.ts';
import { isLoopback } from '../../domain/own-network.ts';
import { missingKey, serviceEnd } from '../../domain/service-end.ts';
import { shellWord } from '../../domain/shell.ts';
import { makeFolder } from '../../platform/folders.ts';
import { isExposed, keyDoubt, keyFault, maskKey, readKeys } from '../../store/keys.ts';
import { describeProblems } from '../../store/ledger-line.ts';
import { readSettings } from '../../store/settings.ts';
import { type Check, check, pass, skip, warn } from './check.ts';

const LOW_SPACE_BYTES = 200e6;

/** The checks without network. */
export const LOCAL_CHECKS: readonly Check[] = [
  check('runtime', 'Node and sora', [], ({ deps: { host } }) =>
    pass(`sora ${host.version} on Node ${host.nodeVersion}`),
  ),
  check('settings', 'settings and keys', [], ({ deps: { paths, host } }) => {
    const { settings, keys } = paths;
    readSettings(settings);
    readKeys(keys);
    const exposed = [settings, keys].filter((path) => isExposed(path, host.platform));
    if (exposed.length > 0)
      return warn(`others can read ${exposed.join(' and ')}`, `run \`chmod 600 ${exposed.map(shellWord).join(' ')}\``);
    return pass(existsSync(settings) ? settings : `${settings} (does not exist yet; defaults apply)`);
  }),
  check('state', 'state and ledger', [], async ({ deps }) => {
    const { ledger } = deps.paths;
    const folder = dirname(ledger);
    makeWritable(folder);
    const shared = deps.sharedLedgerUrl;
    if (shared !== undefined) return pass(await deps.postgresLedger(shared).describe());
    const problems = deps.fileLedger().problems();
    if (problems.length > 0)
      return warn(`${ledger}: ${describeProblems(problems)}`, 'run `sora ledger check` to repair the file');
    const space = statfsSync(folder);
    const freeBytes = space.bavail * space.bsize;
    if (freeBytes < LOW_SPACE_BYTES)
      return warn(`only ${Math.round(freeBytes / 1e6)} MB are free in ${folder}`, 'free some disk space');
    return pass(`${folder}, ${(freeBytes / 1e9).toFixed(1)} GB free`);
  }),
  check('key', 'API key', ['base_url'], (subject) => {
    const { configuration } = subject.server();
    const { key, isSimulator, profile, baseUrl } = configuration;
    if (isSimulator) return skip('the simulator needs no key');
    if (key === null) {
      if (needsKey(configuration)) throw missingKey(profile.value, baseUrl.value, subject.deps.host.clock.now());
      return pass('none; this server may not need one');
    }
    const where = `${maskKey(key.value)} from ${key.origin}`;
    const remedy = 'check that the key was copied completely, without quotes or spaces';
    const fault = keyFault(key.value);
    if (fault !== null) throw new SoraError('invalid_api_key', { title: `${where}: ${fault}`, hints: [remedy] });
    const doubt = keyDoubt(key.value, isOpenAiUrl(baseUrl.value));
    return doubt === null ? pass(where) : warn(`${where}: ${doubt}`, remedy);
  }),
  check('base_url', 'base URL', ['settings'], (subject) => {
    const { baseUrl, isSimulator } = subject.server().configuration;
    if (isSimulator) return pass('the simulator, in this process');
    const { pathname, protocol, hostname } = new URL(baseUrl.value);
    const shown = `${baseUrl.value} (${baseUrl.origin})`;
    if (/\/v1\/+v1\b/.test(pathname)) return warn(`${shown} has /v1 twice`, 'remove one `/v1` from the base URL');
    if (!/\/v1\/*$/.test(pathname))
      return warn(`${shown} does not end in /v1`, 'add `/v1` unless the server uses another path');
    if (protocol === 'http:' && !isLoopback(hostname))
      return warn(
        `${shown} is not encrypted: keys and prompts can be read in transit`,
        'use `https://` if the server supports it',
      );
    return pass(shown);
  }),
  check('service', 'service end date', ['base_url'], (subject) => {
    const { baseUrl, isSimulator } = subject.server().configuration;
    if (isSimulator) return skip('not for the simulator');
    const end = serviceEnd(baseUrl.value, subject.deps.host.clock.now());
    if (end !== null) {
      return warn(
        end.words,
        'run `sora init` to set up another server with the same API',
        'add `--base-url http://HOST:PORT/v1` to use one without a profile',
        'add `--simulate` to use the simulator, free and offline',
      );
    }
    return pass('no end is announced for this server');
  }),
];

function makeWritable(folder: string): void {
  try {
    makeFolder(folder, 0o700);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SoraError('cannot_write', {
      title: `could not write into ${folder}`,
      causedBy: messageOf(error),
      facts: { own_folder: folder },
    });
  }
}
