import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mayBeSameAccount } from '../../src/domain/record.ts';
import { accountOf } from '../../src/store/account.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'sk-of-one-0123456789';

it('an account is a hash of its key, salted with a private file', () => {
  const path = join(createTemporaryFolder(), 'state/account.salt');
  const account = accountOf(path, [KEY]);
  expect(accountOf(path, [KEY])).toBe(account);
  expect(mayBeSameAccount(accountOf(path, ['sk-of-another']), account)).toBe(false);
  expect(`${account} ${readFileSync(path)}`).not.toContain(KEY);
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('accounts that cannot be distinguished count as one', () => {
  const [one, two] = ['one', 'two'].map((name) => accountOf(join(createTemporaryFolder(), name), [KEY]));
  expect(one).not.toBe(two);
  expect(mayBeSameAccount(one, two)).toBe(true); // another salt
  const file = join(createTemporaryFolder(), 'file');
  writeFileSync(file, '');
  expect(mayBeSameAccount(one, accountOf(join(file, 'salt'), [KEY]))).toBe(true);
});
