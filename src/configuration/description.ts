import { DIALECTS } from '../domain/dialect.ts';
import { plainUsd } from '../domain/money.ts';
import { withoutSecrets } from '../store/connection.ts';
import { maskKey } from '../store/keys.ts';
import type { Configuration } from './configuration.ts';
import type { Sourced } from './sources.ts';

/** Name, value and origin of every value in effect, keys masked. */
export function describeConfiguration(configuration: Configuration): { name: string; value: string; origin: string }[] {
  const { profile, baseUrl, key, model, organization, project } = configuration;
  const row = (
    name: string,
    sourced: Sourced<string | number> | null,
    show: (value: string | number) => string = String,
  ) =>
    sourced === null
      ? { name, value: '', origin: 'not set' }
      : {
          name,
          value: show(sourced.value),
          origin: sourced.isFromFile ? `${sourced.origin} (--env-file)` : sourced.origin,
        };
  const dollars = (micros: string | number): string => plainUsd(Number(micros));
  const seconds = (ms: string | number): string => `${Number(ms) / 1000}s`;
  return [
    row('profile', profile),
    row('base_url', baseUrl),
    row('dialect', { ...configuration.dialect, value: DIALECTS[configuration.dialect.value].name }),
    row('api_key', key && { ...key, value: maskKey(key.value) }),
    row('model', model),
    row('organization', organization),
    row('project', project),
    row('max_cost', configuration.maxCostMicros, dollars),
    row('max_cost_per_day', configuration.maxCostPerDay, dollars),
    row('max_cost_per_day_per_user', configuration.maxCostPerDayPerUser, dollars),
    row('user', configuration.user),
    row(
      'ledger',
      configuration.ledger && { ...configuration.ledger, value: withoutSecrets(configuration.ledger.value) },
    ),
    row('confirm_above', configuration.confirmAboveMicros, dollars),
    row('timeout', configuration.timeoutMs, seconds),
    row('request_timeout', configuration.requestTimeoutMs, seconds),
  ];
}
