import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { isOpenAiUrl, OPENAI_RETIREMENT_MS } from '../domain/diagnosis.ts';
import { SoraError } from '../domain/errors.ts';
import { makeFolder } from '../platform/folders.ts';
import { isExposed } from '../store/keys.ts';
import { describeProblems } from '../store/ledger-line.ts';
import { type Check, pass, skip, warn } from './check.ts';
import type { Subject } from './subject.ts';

const LOW_SPACE_BYTES = 200e6;
const AZURE_RETIREMENTS_MS = [Date.UTC(2026, 6, 15), Date.UTC(2026, 8, 15)];

/** What can be seen without the network. */
export const LOCAL_CHECKS: readonly Check<Subject>[] = [
  {
    id: 'runtime',
    title: 'Node and sora',
    needs: [],
    run: ({ version, nodeVersion }) => pass(`sora ${version} on Node ${nodeVersion}`),
  },
  {
    id: 'settings',
    title: 'settings and keys',
    needs: [],
    run(subject) {
      subject.readSettings();
      const { settings, keys } = subject.paths;
      const exposed = [settings, keys].filter((path) => isExposed(path, subject.platform));
      if (exposed.length > 0)
        return warn(`others can read ${exposed.join(' and ')}`, `run \`chmod 600 ${exposed.join(' ')}\``);
      return pass(existsSync(settings) ? settings : `${settings} (not there yet; defaults are in force)`);
    },
  },
  {
    id: 'state',
    title: 'state folder and ledger',
    needs: [],
    run(subject) {
      const folder = dirname(subject.paths.ledger);
      makeWritable(folder);
      const problems = subject.ledgerProblems();
      if (problems.length > 0) {
        return warn(
          `${subject.paths.ledger}: ${describeProblems(problems)}`,
          'keep the file; what can be read is used, and the lines named can be mended or removed',
        );
      }
      const space = statfsSync(folder);
      const freeBytes = space.bavail * space.bsize;
      if (freeBytes < LOW_SPACE_BYTES)
        return warn(`only ${Math.round(freeBytes / 1e6)} MB are free in ${folder}`, 'make room on the disk');
      return pass(`${folder}, ${(freeBytes / 1e9).toFixed(1)} GB free`);
    },
  },
  {
    id: 'key',
    title: 'API key',
    needs: ['base_url'],
    run(subject) {
      const { key, needsKey, isSimulator, profile } = subject.server();
      if (isSimulator) return skip('the simulator needs none');
      if (key === null) {
        if (needsKey) throw new SoraError('no_api_key', { facts: { profile } });
        return pass('none; this server may not need one');
      }
      const where = `${key.masked} from ${key.origin}`;
      if (key.fault === null) return pass(where);
      throw new SoraError('invalid_api_key', {
        title: `${where}: ${key.fault}`,
        hints: ['check that the key was copied whole, without quotes or spaces'],
      });
    },
  },
  {
    id: 'base_url',
    title: 'base URL',
    needs: ['settings'],
    run(subject) {
      const { baseUrl, baseUrlOrigin, isSimulator } = subject.server();
      if (isSimulator) return pass('the simulator, in this process');
      const { pathname, protocol, hostname } = new URL(baseUrl);
      const shown = `${baseUrl} (${baseUrlOrigin})`;
      if (/\/v1\/+v1\b/.test(pathname)) return warn(`${shown} has /v1 twice`, 'give the base URL with one `/v1`');
      if (!/\/v1\/*$/.test(pathname))
        return warn(`${shown} does not end in /v1`, 'add `/v1` unless the server wants another path');
      if (protocol === 'http:' && !isLoopback(hostname))
        return warn(
          `${shown} is not encrypted: keys and prompts can be read on the way`,
          'use `https://` where the server has it',
        );
      return pass(shown);
    },
  },
  {
    id: 'service',
    title: 'the service’s own end',
    needs: ['base_url'],
    run(subject) {
      const { baseUrl, isSimulator } = subject.server();
      if (isSimulator) return skip('the simulator does not end');
      const nowMs = subject.clock.now();
      if (isOpenAiUrl(baseUrl) && nowMs >= OPENAI_RETIREMENT_MS) {
        return warn(
          'OpenAI shut its Videos API down on 2026-09-24 and named no replacement',
          'add `--base-url http://HOST:PORT/v1` to use a server that still speaks it',
          'add `--simulate` to use the simulator, free and offline',
        );
      }
      const isAzure = /\.(openai|services\.ai|cognitiveservices)\.azure\.com$/.test(new URL(baseUrl).hostname);
      if (isAzure && AZURE_RETIREMENTS_MS.some((date) => nowMs >= date)) {
        return warn(
          'Azure retired sora-2 on 2026-07-15 and 2026-09-15',
          'add `--base-url http://HOST:PORT/v1` to use a server that still has a video model',
        );
      }
      return pass('no announced end is known for this server');
    },
  },
];

function makeWritable(folder: string): void {
  try {
    makeFolder(folder, 0o700);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SoraError('cannot_write', {
      title: `could not write into ${folder}`,
      causedBy: error instanceof Error ? error.message : String(error),
      facts: { own_folder: folder },
    });
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
