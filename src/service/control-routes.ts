import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { ConditionSettings, Conditions } from '../simulator/conditions.ts';
import { FAULT_NAMES, FAULTS } from '../simulator/faults.ts';
import { ApiErrorSchema, json, RestError } from './rest-schemas.ts';

export const CONTROL_PATH = '/control';
const MAX_LATENCY_MS = 60_000;

const faultList = Object.entries(FAULTS)
  .map(([name, { summary }]) => `- \`${name}\`: ${summary}`)
  .join('\n');
const FaultName = z.enum(FAULT_NAMES).openapi('FaultName', { description: faultList });

const settings = {
  faults: z
    .partialRecord(FaultName, z.number().min(0).max(1))
    .describe('For each fault the share of the calls it applies to that fail.'),
  next: z.array(FaultName).max(1_000).describe('Faults for the next calls they apply to, one call each.'),
  latencyMs: z.number().min(0).max(MAX_LATENCY_MS),
  seed: z.number().int().nullable().describe('The same seed fails the same calls.'),
};
const ConditionsView = z.object(settings).openapi('Conditions');
const ConditionsChange = z
  .strictObject(settings)
  .partial()
  .openapi('ConditionsChange', {
    example: { faults: { rate_limit_exceeded: 0.2 }, next: ['server_error'], latencyMs: 250 },
  });

const common = {
  tags: ['Simulator control'],
  path: CONTROL_PATH,
  security: [{ apiKey: [] }],
  responses: {
    200: { description: 'The settings in effect', content: json(ConditionsView) },
    400: { description: 'Invalid request', content: json(RestError) },
    401: { description: 'Missing or wrong key', content: json(RestError) },
    default: { description: 'Any other error', content: json(z.union([RestError, ApiErrorSchema])) },
  },
};

const readConditions = createRoute({
  ...common,
  method: 'get',
  operationId: 'readConditions',
  summary: 'Read the faults and the latency',
});

const changeConditions = createRoute({
  ...common,
  method: 'patch',
  operationId: 'changeConditions',
  summary: 'Change the faults and the latency; omitted settings keep their values',
  request: { body: { required: true, content: json(ConditionsChange) } },
});

const resetConditions = createRoute({
  ...common,
  method: 'delete',
  operationId: 'resetConditions',
  summary: 'Restore the settings given at start-up',
});

/** Lets a test suite script the simulator's faults. */
export function addControlRoutes(app: OpenAPIHono, conditions: Conditions): void {
  const initial = conditions.settings;
  const view = (): z.infer<typeof ConditionsView> => {
    const { faults, next, latencyMs, seed } = conditions.settings;
    return { faults: { ...faults }, next: [...next], latencyMs, seed };
  };
  app.openapi(readConditions, (c) => c.json(view(), 200));
  app.openapi(changeConditions, (c) => {
    conditions.change(c.req.valid('json') as Partial<ConditionSettings>); // JSON has no undefined values
    return c.json(view(), 200);
  });
  app.openapi(resetConditions, (c) => {
    conditions.change(initial);
    return c.json(view(), 200);
  });
}
