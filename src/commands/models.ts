import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { readModels } from '../app/model-list.ts';
import { readDeadlineMs, refuseFaults, TIMEOUT_OPTION } from '../app/option-values.ts';
import { requireKey } from '../configuration/endpoint.ts';
import { offersOf } from '../domain/model-offer.ts';
import { MODELS_JSON_SHAPE, modelsJson, renderModels } from '../output/models-view.ts';

type ModelsDeps = Pick<Context, 'configuration' | 'host' | 'jobs' | 'output' | 'paths' | 'servers'>;

export const modelsCommand = defineCommand({
  name: 'models',
  description:
    'Lists what the server offers: every name in its list of models, which may include models that make no videos, with lengths, sizes and prices per second where they are known. OpenRouter lists lengths, sizes and prices, and `sora` uses its list for a day in estimates, caps and checks; elsewhere prices come from the settings and from OpenAI’s price list.\n\nColumns in a pipe: model, lengths, resolutions, sizes, lowest and highest price per second.',
  options: { timeout: TIMEOUT_OPTION },
  json: MODELS_JSON_SHAPE,
  errors: ['no_api_key', 'invalid_api_key', 'endpoint_not_found', 'unreadable_response', 'wait_timeout'],
  examples: [
    ['sora models --profile openrouter', 'what OpenRouter offers today'],
    ['sora models --simulate --json', 'the simulator’s models, for programs'],
  ],

  async run({ options }, deps: ModelsDeps) {
    const { configuration, host, jobs, output } = deps;
    const faults: string[] = [];
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    refuseFaults(faults);
    requireKey(configuration, host.clock.now());
    const list = await jobs.inTime(deadlineMs, null, (signal) => readModels(configuration, deps, signal));
    const offers = offersOf(list, configuration.prices);
    if (offers.length === 0) output.note('the server lists no models');
    if (configuration.isSimulator) output.note('the simulator is free; these are the prices of the real models');
    return { answer: { data: modelsJson(list, offers), view: (surface) => renderModels(list, offers, surface) } };
  },
});
