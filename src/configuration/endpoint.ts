import type { Endpoint } from '../client/transport.ts';
import { SoraError } from '../domain/errors.ts';
import { missingKey } from '../domain/missing-key.ts';
import type { ServerCapabilities } from '../domain/request-gate.ts';
import { keyFault } from '../store/keys.ts';
import { OPENAI_BASE_URL, originOf } from './chosen-server.ts';
import type { Configuration } from './configuration.ts';

/** Refuses to go on without a key where a key is certain to be needed, or with one that cannot be sent. */
export function requireKey(configuration: Configuration, atMs: number): void {
  const { key, baseUrl, profile } = configuration;
  if (key === null) {
    if (needsKey(configuration)) throw missingKey(profile.value, baseUrl.value, atMs);
    return;
  }
  const fault = keyFault(key.value);
  if (fault === null) return;
  throw new SoraError('invalid_api_key', {
    title: `the API key from ${key.origin} cannot be sent`,
    violations: [fault],
    facts: { origin: originOf(baseUrl.value) },
  });
}

/** Whether a server is certain to want a key: OpenAI itself. */
export function needsKey({ auth, baseUrl }: Configuration): boolean {
  return auth !== 'none' && originOf(baseUrl.value) === originOf(OPENAI_BASE_URL);
}

/** What the transport sends with every call. */
export function endpointOf(configuration: Configuration): Endpoint {
  const { baseUrl, key, auth, organization, project, headers, query } = configuration;
  return {
    baseUrl: baseUrl.value,
    auth: key === null || auth === 'none' ? null : authHeader(auth, key.value),
    headers: {
      ...(organization ? { 'openai-organization': organization.value } : {}),
      ...(project ? { 'openai-project': project.value } : {}),
      ...headers,
    },
    query,
    secrets: secretsOf(configuration),
  };
}

/** What the server can do, as far as its dialect and its profile tell. */
export function capabilitiesOf({ profile, dialect, lacks }: Configuration): ServerCapabilities {
  return { profile: profile.value, dialect: dialect.value, lacks };
}

function authHeader(auth: 'bearer' | 'api-key', key: string): { name: string; value: string } {
  return auth === 'bearer' ? { name: 'authorization', value: `Bearer ${key}` } : { name: 'api-key', value: key };
}

const SECRET_NAME = /key|token|secret|auth|sig|pass|credential|cookie|session/i;

/** Whether a header or a query parameter of this name holds a secret, as far as its name tells. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Whether a setting holds a secret, as far as its name tells. */
export function isSecretSetting(name: string): boolean {
  const [, sent] = /^profiles\.[^.]+\.(?:headers|query)\.(.+)$/.exec(name) ?? [];
  return sent !== undefined && isSecretName(sent);
}

/** What must never be shown: the key, and headers and query parameters whose names say that they are one. */
export function secretsOf({ key, headers, query }: Configuration): string[] {
  const named = [...Object.entries(headers), ...Object.entries(query)].filter(([name]) => isSecretName(name));
  return [...(key === null ? [] : [key.value]), ...named.flatMap(([, value]) => [value, ...credentialsOf(value)])];
}

/** What follows the scheme in `Bearer TOKEN`: a server may repeat it alone. */
function credentialsOf(value: string): string[] {
  return /^\S+\s+(\S.*)$/.exec(value)?.slice(1) ?? [];
}

/** What tells one account of a server from another: its secrets, and what chooses between the parts of an account. */
export function accountSecrets(configuration: Configuration): string[] {
  const { organization, project } = configuration;
  return [organization?.value ?? '', project?.value ?? '', ...secretsOf(configuration)];
}
