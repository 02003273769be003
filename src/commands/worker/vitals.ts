import type { Context } from '../../app/context.ts';
import { HOST_OPTION, openPort, parseListenAddress } from '../../app/listening.ts';
import { inGroup, type OptionValues, option, parsePort } from '../../app/option-values.ts';
import { isLoopback } from '../../domain/own-network.ts';
import type { ListeningServer } from '../../http-server/server.ts';
import { AccessKey } from '../../service/access.ts';
import { countOrders } from '../../service/queued-orders.ts';
import { ServiceMetrics } from '../../service/service-metrics.ts';
import { createVitalsHandler, type Vitals } from '../../service/vitals.ts';
import type { JobQueue } from '../../store/job-queue.ts';
import type { OrderTable } from '../../store/order-table.ts';

export const VITALS_OPTIONS = inGroup('Monitoring:', {
  port: option('--port <n>', 'serve /metrics, /healthz and /readyz on this port; 0 picks a free one'),
  host: HOST_OPTION,
  apiKeyEnv: option('--api-key-env <name>', 'environment variable with the key that /metrics requires'),
});

type VitalsAddress = NonNullable<ReturnType<typeof parseVitalsAddress>>;

type VitalsDeps = Pick<Context, 'configuration' | 'host' | 'ledger' | 'output'>;

/** Null without `--port`. Problems are added to the faults. */
export function parseVitalsAddress(
  options: OptionValues<typeof VITALS_OPTIONS>,
  env: Context['env'],
  faults: string[],
) {
  const { port, host, apiKeyEnv } = options;
  if (port === undefined) {
    for (const [flag, value] of Object.entries({ '--host': host, '--api-key-env': apiKeyEnv }))
      if (value !== undefined) faults.push(`\`${flag}\` needs \`--port\``);
    return null;
  }
  const address = parseListenAddress(options, env, faults);
  return { ...address, port: parsePort(port, 0, faults) };
}

/** What a worker reports: its own counters, and the queue and the ledger that it shares. */
export function vitalsOf(
  { queue, orders }: { readonly queue: JobQueue; readonly orders: OrderTable },
  { configuration, host, ledger }: VitalsDeps,
): ServiceMetrics {
  return new ServiceMetrics({
    version: host.version,
    profile: configuration.profile.value,
    ledger,
    clock: host.clock,
    jobs: { openSubmissions: null, count: () => countOrders(orders), queueState: () => queue.state() },
    caps: { run: null, order: null, day: configuration.maxCostPerDay?.value ?? null },
  });
}

/** Throws `cannot_listen`. */
export async function openVitals(
  { host, port, apiKey }: VitalsAddress,
  vitals: Vitals,
  { output }: VitalsDeps,
): Promise<ListeningServer> {
  const handler = createVitalsHandler(vitals, apiKey === null ? null : new AccessKey(apiKey), isLoopback(host));
  const listening = await openPort(handler, { host, port });
  output.news(`metrics: ${listening.origin}/metrics`);
  return listening;
}
