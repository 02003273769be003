import { join } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { type BaseFolders, baseFolders, RefusedFolder, type Surroundings } from '../platform/base-folders.ts';

/** All files and folders; absolute. */
export interface SoraPaths {
  readonly settings: string;
  readonly keys: string;
  readonly ledger: string;
  readonly ledgerIndex: string;
  /** The salt for hashes of keys in the ledger. */
  readonly accountSalt: string;
  /** Lists of models that servers sent, a file for each. */
  readonly modelListsDir: string;
  readonly simulatorDir: string;
  /** Jobs and files of the REST service of `serve`. */
  readonly serviceDir: string;
  /** Downloads on their way to object storage. */
  readonly spoolDir: string;
}

/** The files and folders below `baseFolders`. Throws `invalid_config` if these are refused. */
export function soraPaths(surroundings: Surroundings): SoraPaths {
  const { config, state, cache } = acceptedFolders(surroundings);
  return {
    settings: join(config, 'settings.json'),
    keys: join(config, 'keys.json'),
    ledger: join(state, 'ledger.jsonl'),
    accountSalt: join(state, 'account.salt'),
    ledgerIndex: join(cache, 'ledger.index'),
    modelListsDir: join(cache, 'models'),
    simulatorDir: join(state, 'simulator'),
    serviceDir: join(state, 'serve'),
    spoolDir: join(cache, 'uploads'),
  };
}

function acceptedFolders(surroundings: Surroundings): BaseFolders {
  try {
    return baseFolders(surroundings);
  } catch (error) {
    if (!(error instanceof RefusedFolder)) throw error;
    throw new SoraError('invalid_config', { title: error.message, hints: [error.hint] });
  }
}
