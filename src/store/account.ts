import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { attempt } from '../platform/attempt.ts';
import { crypto } from '../platform/crypto.ts';
import { makeFolder } from '../platform/folders.ts';
import { readRegular } from '../platform/open-input.ts';

const SALT = /^([0-9a-f]{8})([0-9a-f]{32})$/;

/**
 * A salted hash that distinguishes two keys of one server without revealing them. Undefined without the salt file;
 * then all accounts count as one.
 */
export function accountOf(saltPath: string, facts: readonly string[]): string | undefined {
  const [, saltId, salt] = SALT.exec(readSalt(saltPath) ?? '') ?? [];
  if (saltId === undefined || salt === undefined) return undefined;
  const digest = crypto().createHmac('sha256', salt).update(JSON.stringify(facts)).digest('hex');
  return `${saltId}.${digest.slice(0, 16)}`;
}

/** If two processes create the file at the same time, the first one wins. */
function readSalt(path: string): string | undefined {
  const read = (): string | undefined => attempt(() => readRegular(path).toString().trim());
  const known = read();
  if (known !== undefined) return known;
  attempt(() => {
    makeFolder(dirname(path), 0o700);
    writeFileSync(path, `${crypto().randomBytes(20).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  });
  return read();
}
