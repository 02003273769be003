import { defineCommand } from '../../app/command.ts';
import { inGroup, option } from '../../app/option-values.ts';
import { REQUEST_OPTIONS, type ReadRequest, type RequestOptions, readRequest } from '../../app/request-options.ts';
import { capabilitiesOf } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import { callbackFaults } from '../../domain/request-gate.ts';
import type { Variant } from '../../domain/video.ts';
import { templateFrom } from './from-job.ts';
import {
  PRODUCTION_ERRORS,
  PRODUCTION_JSON,
  PRODUCTION_OPTIONS,
  type ProductionDeps,
  produce,
  refuseHelp,
} from './production.ts';

export const createCommand = defineCommand({
  name: 'create',
  description:
    'Creates a video: submits the job, shows progress while it runs, and saves the file. Prints its path. A create is never resent automatically; to resume the same job, run the same command again.',
  arguments: [{ form: '[prompt]', summary: 'the prompt: text, @FILE, or - for standard input' }],
  options: {
    ...REQUEST_OPTIONS,
    ...inGroup(REQUEST_OPTIONS.model.group, {
      from: option('--from <id>', 'start from the request of an earlier job; other options override its values'),
    }),
    ...PRODUCTION_OPTIONS,
    ...inGroup(PRODUCTION_OPTIONS.detach.group, {
      webhook: option(
        '--webhook <url>',
        'URL that the server notifies when the job has ended, if it can; see `sora listen`',
      ),
    }),
  },
  json: PRODUCTION_JSON,
  errors: [...PRODUCTION_ERRORS, 'reference_size_mismatch'],
  examples: [
    [
      'sora create "A paper boat sails into a storm drain" --duration 5 --simulate',
      'create a real MP4, free and offline',
    ],
    ['sora create @prompt.txt -m sora-2-pro -r 1080p -o clip.mp4 --max-cost 5', 'prompt from a file, at most $5'],
  ],

  usesPrices: ({ dryRun }) => !dryRun,

  run: ({ args: [prompt], options }, deps: ProductionDeps) =>
    produce(
      {
        async draft(faults, variants) {
          const { webhook } = options;
          const server = capabilitiesOf(deps.configuration);
          const callback = webhook === undefined ? [] : callbackFaults(webhook, server);
          const order = await readOrder(prompt, options, variants, [...faults, ...callback], deps);
          const request = webhook === undefined ? order.request : { ...order.request, callbackUrl: webhook };
          const read = { ...order, request };
          return { read, priced: read.request };
        },
      },
      options,
      deps,
    ),
});

/** Reads the request: a new one, or that of an earlier job with changes, which its notes list. */
async function readOrder(
  prompt: string | undefined,
  options: RequestOptions & { readonly from?: string | undefined },
  variants: readonly Variant[],
  extraFaults: readonly string[],
  deps: ProductionDeps,
): Promise<ReadRequest> {
  refuseHelp(prompt, 'sora create');
  const faults = [...extraFaults];
  const template = options.from === undefined ? null : await templateFrom(options.from, prompt, options, deps, faults);
  if (template === null && prompt === undefined) throw missingPrompt();
  const given = template ?? { prompt: prompt ?? '', options };
  const read = await readRequest(given.prompt, given.options, deps, faults, variants);
  return template === null ? read : { ...read, notes: [...read.notes, template.describeChanges(read.request)] };
}

function missingPrompt(): SoraError {
  return new SoraError('usage', {
    title: 'missing argument `prompt`',
    hints: [
      'put the prompt in quotes: `sora create "A paper boat"`',
      'write `-` to read it from standard input',
      'run `sora create --help` to see its arguments',
    ],
  });
}
