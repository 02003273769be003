import type { Endpoint } from '../client/transport.ts';
import { SoraError } from '../domain/errors.ts';
import { DEFAULT_MODEL } from '../domain/models.ts';
import { secretsWithin } from '../domain/redact.ts';
import type { ServerCapabilities } from '../domain/request-gate.ts';
import { missingKey } from '../domain/service-end.ts';
import { keyFault } from '../store/keys.ts';
import { OPENAI_BASE_URL, originOf } from './chosen-server.ts';
import type { Configuration } from './configuration.ts';

/** Throws `no_api_key` if the server certainly needs a key, or `invalid_api_key` for a key that cannot be sent. */
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

/** Whether a server certainly needs a key: OpenAI itself. */
export function needsKey({ auth, baseUrl }: Configuration): boolean {
  return auth !== 'none' && originOf(baseUrl.value) === originOf(OPENAI_BASE_URL);
}

/** What the transport sends with every call. */
export function endpointOf(configuration: Configuration): Endpoint {
  const { baseUrl, key, auth, organization, project, headers, query, listQuery } = configuration;
  return {
    baseUrl: baseUrl.value,
    auth: key === null || auth === 'none' ? null : authHeader(auth, key.value),
    keyOrigin:
      key === null || auth === 'none' ? null : `${key.origin}${key.isFromFile ? ' in the environment file' : ''}`,
    headers: {
      ...(organization ? { 'openai-organization': organization.value } : {}),
      ...(project ? { 'openai-project': project.value } : {}),
      ...headers,
    },
    query,
    listQuery,
  };
}

/** The server’s capabilities according to its dialect and its profile. */
export function capabilitiesOf(configuration: Configuration): ServerCapabilities {
  const { profile, dialect, missing, servesOpenAiModels, format, modelList } = configuration;
  return { profile: profile.value, dialect: dialect.value, missing, servesOpenAiModels, format, modelList };
}

/** The model of a request that names none; null where the server chooses. */
export function expectedModel({ model, servesOpenAiModels }: Configuration): string | null {
  return model?.value ?? (servesOpenAiModels ? DEFAULT_MODEL : null);
}

function authHeader(auth: 'bearer' | 'api-key', key: string): { name: string; value: string } {
  return auth === 'bearer' ? { name: 'authorization', value: `Bearer ${key}` } : { name: 'api-key', value: key };
}

const SECRET_NAME = /key|token|secret|auth|sig|pass|credential|cookie|session/i;

/** Whether the name of a header or query parameter indicates a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

export function isSecretSetting(name: string): boolean {
  const [, sent] = /^profiles\.[^.]+\.(?:headers|query|list_query)\.(.+)$/.exec(name) ?? [];
  return sent !== undefined && isSecretName(sent);
}

/** Values that must never be shown: the key, and headers and query parameters named like secrets. */
export function secretsOf({ key, headers, query, listQuery }: Configuration): string[] {
  const named = [headers, query, listQuery].flatMap(Object.entries<string>).filter(([name]) => isSecretName(name));
  return [...(key === null ? [] : [key.value]), ...named.flatMap(([, value]) => secretsWithin(value))];
}

/** What may distinguish accounts on one server: secrets, organisation, project, and the profile's headers and query. */
export function accountFacts(configuration: Configuration): string[] {
  const { organization, project, headers, query } = configuration;
  const others = [headers, query].flatMap(Object.entries<string>).filter(([name]) => !isSecretName(name));
  const named = others.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort();
  return [organization?.value ?? '', project?.value ?? '', ...secretsOf(configuration), ...named];
}
