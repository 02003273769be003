import { decodePercent } from './redact.ts';

const ENCODED_ID = /^(?:[a-z]+_)?([\w+/-]{24,}={0,2})$/;
const WRAPPED_ID = /\b(?:video|task|job)_id:([^;,\s]+)/;
const ID_WITH_PROVIDER = /^(.{6,}):[a-z][\w-]*$/i;

/**
 * The ids under which servers list one job. Gateways add the provider to an id, or wrap both in base64 with data that
 * differs between replies.
 */
export function idForms(id: string): string[] {
  const plain = decodePercent(id);
  const [, encoded = ''] = ENCODED_ID.exec(plain) ?? [];
  const [, wrapped] = WRAPPED_ID.exec(Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  const [, bare] = ID_WITH_PROVIDER.exec(plain) ?? [];
  return [...new Set([id, plain, ...[wrapped, bare].filter((form) => form !== undefined)])];
}
