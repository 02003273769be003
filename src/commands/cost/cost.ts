import { type CommandResult, defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import type { OptionSpecs, OptionValues } from '../../app/option-values.ts';
import {
  inGroup,
  longFlag,
  option,
  parseAsOfMs,
  parseSinceMs,
  parseWholeNumber,
  refuseFaults,
} from '../../app/option-values.ts';
import { REQUEST_OPTIONS, readRequest } from '../../app/request-options.ts';
import { CAP_JSON_SHAPE, capJson, capsInForce, describeCap } from '../../app/team-caps.ts';
import { expectedVideo } from '../../batch/batch-row.ts';
import {
  type CostOrder,
  compareModels,
  estimateCost,
  isSameVideo,
  type PricedOrder,
  priceOrder,
} from '../../domain/cost.ts';
import { dayOf, isoTime } from '../../domain/day.ts';
import { SoraError } from '../../domain/errors.ts';
import { findModel } from '../../domain/models.ts';
import { chargeOfParams, describeUnpriced } from '../../domain/priced-params.ts';
import { type PriceRow, pricesOn } from '../../domain/pricing.ts';
import { CUSTOM_PROFILE } from '../../domain/profile-names.ts';
import { listedRates } from '../../domain/sku-price.ts';
import type { Spent } from '../../domain/spent.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import {
  batchCostJson,
  PRICE_JSON_SHAPE,
  PRICED_ORDER_JSON_SHAPE,
  pricedOrderJson,
  priceJson,
  renderBatchCost,
  renderComparison,
  renderPricedOrder,
  renderPrices,
} from '../../output/cost-view.ts';
import { renderSpent, SPENT_JSON_SHAPE, spentJson } from '../../output/spent-view.ts';
import { ManifestRows } from '../batch/manifest-rows.ts';
import { manifestPath } from '../batch/options.ts';
import { GROUPINGS, reportSpent } from './spent-report.ts';

const MAX_COUNT = 1_000_000;
const PRICES = 'Prices:';

/** The options of an estimate. */
const ESTIMATE_OPTIONS = {
  ...REQUEST_OPTIONS,
  ...inGroup(PRICES, {
    count: option('--count <n>', 'number of videos (default 1)'),
    batch: option('--batch <file>', 'all rows of a manifest; - for standard input'),
    compare: option('--compare', 'the same video with every known model and size'),
  }),
};

const OPTIONS = {
  ...ESTIMATE_OPTIONS,
  ...inGroup(PRICES, {
    asOf: option('--as-of <date>', 'prices on that day (default today, UTC)'),
  }),
  ...inGroup('Spent:', {
    spent: option('--spent', 'show spending from the local ledger'),
    by: option('--by <what>', 'with --spent: group by this (default day, UTC)', { choices: GROUPINGS }),
    since: option('--since <when>', 'with --spent: only since then, such as 7d, 12h or 2026-03-12'),
  }),
};

type CostDeps = Pick<Context, 'env' | 'host' | 'configuration' | 'options' | 'output' | 'ledger' | 'jobs' | 'servers'>;

type Options = OptionValues<typeof OPTIONS>;

export const costCommand = defineCommand({
  name: 'cost',
  description:
    'Without options: the price list. With video options: what the video would cost for the requested seconds and, if they differ, for the rendered ones. With --spent: spending according to the local ledger, or with --profile through that profile: the actual cost if the server reported it, else the estimate. The cost of a job without a video is unknown unless the server reported it. The simulator never counts. Nothing is created; OpenRouter’s price list is fetched at most once a day.\n\nColumns of --spent in a pipe: name, jobs, spent, estimated, actual, jobs with unknown cost, their estimate, refused submissions.',
  options: OPTIONS,
  json: `{"as_of","prices":[${PRICE_JSON_SHAPE}]}; with options of a video: {"as_of", and the keys of ${PRICED_ORDER_JSON_SHAPE}}; with --batch: {"as_of","manifest","videos","cost":{"estimated_usd","asked_usd"},"videos_of_unknown_price"}; with --compare: {"as_of","videos":[the same keys and "asked"]}; with --spent: {"by","since","groups":[{"name", and the keys of ${SPENT_JSON_SHAPE}}],"total":{the same keys},"simulated","caps":[${CAP_JSON_SHAPE}]}`,
  errors: ['usage', 'invalid_request', 'reference_size_mismatch', 'invalid_config'],
  examples: [
    ['sora cost -m sora-2-pro -r 1080p -d 10 --count 3 --compare', 'three videos, and what others would cost'],
    ['sora cost --spent --by model --since 7d', 'what the last week cost, by model'],
  ],

  usesPrices: ({ spent }) => !spent,

  async run({ options }, deps: CostDeps) {
    const faults = conflictsOf(options, deps);
    const nowMs = deps.host.clock.now();
    const asOfMs = parseAsOfMs(options.asOf, faults) ?? nowMs;
    const sinceMs = parseSinceMs(options.since, nowMs, faults);
    const count = parseWholeNumber('--count', options.count, { min: 1, max: MAX_COUNT, fallback: 1 }, faults);
    if (!options.spent && namesOf(options, ESTIMATE_OPTIONS).length > 0) {
      if (options.batch !== undefined) return estimateBatch(options.batch, options, asOfMs, deps, faults);
      const order = { ...(await readOrder(options, deps, faults)), count };
      return options.compare ? compare(order, asOfMs, deps) : estimateOne(order, asOfMs, deps);
    }
    refuseFaults(faults);
    return options.spent ? spent(options, sinceMs, deps) : priceList(asOfMs, deps);
  },
});

/** The given options among these, as typed. */
function namesOf(options: Options, specs: OptionSpecs): string[] {
  const given: Readonly<Record<string, unknown>> = options;
  return Object.entries(specs).flatMap(([name, spec]) => (given[name] === undefined ? [] : [`\`${longFlag(spec)}\``]));
}

function conflictsOf(options: Options, deps: CostDeps): string[] {
  const { by, since, asOf } = OPTIONS;
  if (!options.spent) return namesOf(options, { by, since }).map((name) => `${name} needs \`--spent\``);
  const foreign = namesOf(options, { ...ESTIMATE_OPTIONS, asOf });
  return [
    ...foreign.map((name) => `${name} cannot be combined with \`--spent\``),
    ...(deps.options.simulate ? ['the simulator never spends anything; omit `--simulate`'] : []),
  ];
}

async function readOrder(
  options: Options,
  deps: CostDeps,
  faults: readonly string[],
): Promise<Omit<CostOrder, 'count'>> {
  try {
    const { request, askedSeconds, notes } = await readRequest('a video to be priced', options, deps, faults);
    for (const note of notes) deps.output.note(note);
    return { request, askedSeconds };
  } catch (error) {
    if (!(error instanceof SoraError) || error.code !== 'invalid_request') throw error;
    throw error.with({ hints: ['run `sora cost --help` to see what each option accepts'] });
  }
}

function priceList(asOfMs: number, deps: CostDeps): CommandResult {
  const prices = pricesOn(deps.configuration.prices, dayOf(asOfMs));
  if (prices.length === 0) deps.output.note(`no prices are known for ${dayOf(asOfMs)}; ${firstList(deps)}`);
  const data = { as_of: dayOf(asOfMs), prices: prices.map(priceJson) };
  return { answer: { data, view: (surface) => renderPrices(prices, surface) } };
}

function estimateOne(order: CostOrder, asOfMs: number, deps: CostDeps): CommandResult {
  const priced = priceOrder(order, asOfMs, deps.configuration.prices);
  noteDoubts(priced, order.request.params, asOfMs, deps);
  const data = { as_of: dayOf(asOfMs), ...pricedOrderJson(priced) };
  return { answer: { data, view: (surface) => renderPricedOrder(priced, surface) } };
}

async function estimateBatch(
  file: string,
  options: Options,
  asOfMs: number,
  deps: CostDeps,
  faults: string[],
): Promise<CommandResult> {
  const { host, configuration, output } = deps;
  const { count, compare: comparison } = OPTIONS;
  const foreign = namesOf(options, { count, compare: comparison });
  faults.push(...foreign.map((name) => `${name} cannot be combined with \`--batch\``));
  refuseFaults(faults);
  const source = {
    name: file,
    path: manifestPath(file, host.cwd),
    format: null,
    allowPaths: true, // nothing is sent or saved
    variants: ['video'] as const,
    outputFolder: host.cwd,
    outputTemplate: null,
    sidecar: false,
  };
  const rows = await new ManifestRows(source, options, deps, null).rows();
  const orders = rows.map((row) => ({ request: expectedVideo(row), askedSeconds: row.askedSeconds, count: 1 }));
  const estimated = estimateCost(orders, asOfMs, configuration.prices);
  if (configuration.isSimulator) output.note('the simulator is free; these are the prices of the real models');
  const data = { as_of: dayOf(asOfMs), manifest: file, ...batchCostJson(estimated) };
  return { answer: { data, view: (surface) => renderBatchCost(estimated, surface) } };
}

function compare(order: CostOrder, asOfMs: number, deps: CostDeps): CommandResult {
  const { request } = order;
  const videos = compareModels(order, asOfMs, deps.configuration.prices);
  noteDoubts(priceOrder(order, asOfMs, deps.configuration.prices), request.params, asOfMs, deps);
  const documents = videos.map((video) => ({ ...pricedOrderJson(video), asked: isSameVideo(video, request) }));
  const data = { as_of: dayOf(asOfMs), videos: documents };
  return { answer: { data, view: (surface) => renderComparison(videos, request, surface) } };
}

/** Notes why a price is unknown and how to set it, or that the simulator is free. */
function noteDoubts(
  { model, size, price, seconds, micros }: PricedOrder,
  params: VideoRequest['params'],
  asOfMs: number,
  deps: CostDeps,
): void {
  const { output, configuration } = deps;
  const { profile, isSimulator } = configuration;
  if (isSimulator) output.note('the simulator is free; these are the prices of the real models');
  if (micros !== null) return;
  if (price !== null && seconds === null) {
    output.note('the server chooses the length, so the price is unknown; set it with `--duration`');
  } else if (price !== null) {
    output.note(describeUnpriced(chargeOfParams(params)) ?? describeListed(price));
  } else if (size === null && pricesOn(configuration.prices, dayOf(asOfMs)).some((row) => row.model === model)) {
    output.note(`the price of ${model} depends on the size; add \`--resolution\`, or \`--size\``);
  } else if (model !== null && findModel(model) !== undefined) {
    output.note(`the price of ${model} is unknown for ${dayOf(asOfMs)}; ${firstList(deps)}`);
  } else {
    const owner = isSimulator || profile.value === CUSTOM_PROFILE ? 'NAME' : profile.value;
    output.note(
      `the price of ${model} is unknown; run \`sora config set profiles.${owner}.prices.${model} USD\` to set the price per second`,
    );
  }
}

/** Why a model of the server's own list has no price. */
function describeListed({ model, listed }: PriceRow): string {
  const isReadable =
    listed !== undefined && listedRates(listed).some(({ microsPerSecond }) => microsPerSecond !== null);
  return isReadable
    ? `the price of ${model} depends on what is asked for; add \`--duration\`, \`--resolution\` and \`--aspect-ratio\`, or \`--size\``
    : `the server lists the price of ${model} in a way that is not known here`;
}

function firstList({ configuration }: CostDeps): string {
  const [first] = configuration.prices.flatMap(({ since }) => since ?? []).sort();
  return `the oldest price list is from ${first}`;
}

async function spent(options: Options, sinceMs: number | null, deps: CostDeps): Promise<CommandResult> {
  const by = GROUPINGS.find((grouping) => grouping === options.by) ?? 'day';
  const report = await reportSpent(by, sinceMs, deps);
  const { groups, total } = report;
  await noteOmissions(total, sinceMs, deps);
  const caps = await capsInForce(deps);
  for (const cap of caps) deps.output.note(`cap of the team, ${describeCap(cap)}`);
  const data = {
    by,
    since: isoTime(sinceMs),
    groups: groups.map(([name, sum]) => ({ name, ...spentJson(sum) })),
    total: spentJson(total),
    simulated: total.simulated,
    caps: caps.map(capJson),
  };
  return { answer: { data, view: (surface) => renderSpent(report, by, surface) } };
}

async function noteOmissions(
  { jobs, refused, simulated }: Spent,
  sinceMs: number | null,
  deps: CostDeps,
): Promise<void> {
  const { ledger, output } = deps;
  const unreadable = ledger.problems().length;
  if (unreadable > 0) output.note(`the sums may be too low: ${countOf(unreadable, 'unreadable ledger line')}`);
  if (jobs + refused > 0) return;
  const since = sinceMs === null ? '' : ` since ${isoTime(sinceMs)}`;
  output.note(`nothing was spent${since}${simulated > 0 ? '; the simulator is free' : ''}`);
}
