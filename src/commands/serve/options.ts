import { HOST_OPTION, parseListenAddress } from '../../app/listening.ts';
import type { OptionSpecs, OptionValues } from '../../app/option-values.ts';
import { inGroup, option, parsePort, parseWholeNumber } from '../../app/option-values.ts';
import { parseMaxCost } from '../../app/spending.ts';
import { parseDurationMs } from '../../domain/duration.ts';
import { isEmptySecret } from '../../domain/webhook-secret.ts';
import { isTemplate } from '../../jobs/name-template.ts';
import type { ConditionSettings } from '../../simulator/conditions.ts';
import { FAULT_NAMES, type FaultName, parseFault } from '../../simulator/faults.ts';

const MAX_LATENCY_MS = 60_000;

export const SERVE_OPTIONS = {
  port: option('--port <n>', 'port to listen on; 0 picks a free one (default 3000)'),
  host: HOST_OPTION,
  apiKeyEnv: option(
    '--api-key-env <name>',
    'environment variable with the key that clients must send (default: test-api-key; random if videos cost money)',
  ),
  maxCost: option('--max-cost <usd>', 'most that all videos ordered from this server may cost, until it is stopped'),
  open: option('--open', 'open the page in the browser'),
  ...inGroup('Several machines:', {
    queue: option('--queue', 'leave orders to `sora worker`, and share them with other replicas of the service'),
    output: option(
      '-o, --output <dir|s3://…>',
      'where workers save videos: a folder that all machines share, or object storage',
    ),
  }),
  ...inGroup('Faults:', {
    fault: option(
      '--fault <name=share>',
      'fail a share of the calls, for example rate_limit_exceeded=0.2 (repeatable)',
      { repeatable: true },
    ),
    latency: option('--latency <duration>', 'delay every reply, for example by 200ms'),
    seed: option('--seed <n>', 'fail the same calls in every run'),
  }),
  ...inGroup('Webhooks:', {
    webhook: option('--webhook <url>', 'URL to notify of completed and failed videos'),
    webhookSecretEnv: option(
      '--webhook-secret-env <name>',
      'environment variable with the secret for the signatures (default: OPENAI_WEBHOOK_SECRET); alone, it lets creates name a URL',
    ),
  }),
} as const satisfies OptionSpecs;

export type ServePlan = ReturnType<typeof parseServeOptions>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Adds every error to `faults`, so that all are reported together. */
export function parseServeOptions(
  options: OptionValues<typeof SERVE_OPTIONS>,
  { env, isServerNamed }: { readonly env: Environment; readonly isServerNamed: boolean },
  faults: string[],
) {
  const { apiKeyEnv } = options;
  const seed = parseWholeNumber('--seed', options.seed, { min: 0, max: 999_999_999, fallback: -1 }, faults);
  return {
    ...parseListenAddress(options, env, faults),
    port: parsePort(options.port, 3000, faults),
    apiKeyEnv: apiKeyEnv ?? null,
    maxCostMicros: parseMaxCost(options.maxCost, faults),
    /** Where workers save the videos of queued orders; null if this process makes them. */
    queueOutput: parseQueue(options, isServerNamed, faults),
    conditions: {
      faults: parseFaults(options.fault ?? [], faults),
      latencyMs: parseLatencyMs(options.latency, faults),
      seed: seed === -1 ? null : seed,
    },
    webhook: parseWebhook(options, env, faults),
  };
}

function parseQueue(
  { queue, output }: OptionValues<typeof SERVE_OPTIONS>,
  isServerNamed: boolean,
  faults: string[],
): string | null {
  if (!queue) {
    if (output !== undefined) faults.push('`--output` needs `--queue`: otherwise the service keeps its videos itself');
    return null;
  }
  if (!isServerNamed) faults.push('`--queue` needs a server that workers reach: `--profile NAME` or `--base-url URL`');
  if (output !== undefined && !isTemplate(output)) return output;
  faults.push('`--queue` needs `--output`: a folder that all machines share, or `s3://BUCKET/PREFIX/`');
  return null;
}

function parseFaults(texts: readonly string[], faults: string[]): ConditionSettings['faults'] {
  const shares: Partial<Record<FaultName, number>> = {};
  for (const text of texts) {
    const [, nameText = text, shareText = '1'] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    const name = parseFault(nameText);
    const share = shareText.trim() === '' ? Number.NaN : Number(shareText);
    if (name === null) faults.push(`\`--fault ${text}\`: unknown fault; choose from ${FAULT_NAMES.join(', ')}`);
    else if (share >= 0 && share <= 1) shares[name] = share;
    else faults.push(`\`--fault ${text}\`: the share must be a number from 0 to 1`);
  }
  return shares;
}

function parseLatencyMs(text: string | undefined, faults: string[]): number {
  if (text === undefined) return 0;
  const latencyMs = parseDurationMs(text);
  if (latencyMs !== undefined && latencyMs <= MAX_LATENCY_MS) return latencyMs;
  faults.push(`\`--latency ${text}\` is not a duration of at most one minute, such as 200ms or 2s`);
  return 0;
}

/** Its `url` is null where only creates name addresses. */
function parseWebhook(
  { webhook: url, webhookSecretEnv }: OptionValues<typeof SERVE_OPTIONS>,
  env: Environment,
  faults: string[],
): { readonly url: string | null; readonly secret: string } | null {
  if (url === undefined) {
    if (webhookSecretEnv === undefined) return null;
    const own = env[webhookSecretEnv] ?? '';
    if (isEmptySecret(own))
      faults.push(`\`--webhook-secret-env ${webhookSecretEnv}\`: this environment variable has no secret`);
    return { url: null, secret: own };
  }
  const name = webhookSecretEnv ?? 'OPENAI_WEBHOOK_SECRET';
  const secret = env[name] ?? '';
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) faults.push(`\`--webhook ${url}\` is not an http or https URL`);
  if (isEmptySecret(secret)) faults.push(`\`--webhook\` needs a secret in the environment variable \`${name}\``);
  return { url, secret };
}
