/** Values of a metric's labels, in the order of their names. */
export type LabelValues = readonly string[];

/** Further series share one with the labels `other`, so that names from clients or servers cannot fill the memory. */
const MOST_SERIES = 500;

interface Series<T> {
  readonly labels: LabelValues;
  value: T;
}

abstract class Metric<T> {
  readonly name: string;
  readonly #help: string;
  readonly #type: 'counter' | 'gauge' | 'histogram';
  readonly labelNames: LabelValues;
  readonly #series = new Map<string, Series<T>>();

  constructor(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, labelNames: LabelValues) {
    this.name = name;
    this.#type = type;
    this.#help = help;
    this.labelNames = labelNames;
  }

  protected seriesOf(labels: LabelValues, first: () => T): Series<T> {
    const known = this.#series.get(JSON.stringify(labels));
    if (known !== undefined) return known;
    const kept = this.#series.size < MOST_SERIES ? labels : labels.map(() => 'other');
    const series = this.#series.get(JSON.stringify(kept)) ?? { labels: kept, value: first() };
    this.#series.set(JSON.stringify(kept), series);
    return series;
  }

  /** Drops all series, for a gauge whose labels change. */
  clear(): void {
    this.#series.clear();
  }

  *lines(): Generator<string> {
    yield `# HELP ${this.name} ${this.#help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`;
    yield `# TYPE ${this.name} ${this.#type}`;
    for (const series of this.#series.values()) yield* this.samples(series);
  }

  protected abstract samples(series: Series<T>): Iterable<string>;
}

class Value extends Metric<number> {
  /** For a counter: by a positive amount. */
  add(labels: LabelValues = [], amount = 1): void {
    this.seriesOf(labels, () => 0).value += amount;
  }

  /** For a gauge. */
  set(value: number, labels: LabelValues = []): void {
    this.seriesOf(labels, () => 0).value = value;
  }

  protected samples({ labels, value }: Series<number>): string[] {
    return [sample(this.name, this.labelNames, labels, value)];
  }
}

interface Observations {
  /** One for each bucket, not cumulative. */
  readonly counts: number[];
  count: number;
  sum: number;
}

class Histogram extends Metric<Observations> {
  readonly #bounds: readonly number[];

  constructor(name: string, help: string, labelNames: LabelValues, bounds: readonly number[]) {
    super(name, 'histogram', help, labelNames);
    this.#bounds = bounds;
  }

  observe(labels: LabelValues, value: number): void {
    const { value: seen } = this.seriesOf(labels, () => ({ counts: this.#bounds.map(() => 0), count: 0, sum: 0 }));
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket !== -1) seen.counts[bucket] = (seen.counts[bucket] ?? 0) + 1;
    seen.count += 1;
    seen.sum += value;
  }

  protected *samples({ labels, value: { counts, count, sum } }: Series<Observations>): Generator<string> {
    const names = [...this.labelNames, 'le'];
    let below = 0;
    for (const [at, bound] of this.#bounds.entries()) {
      below += counts[at] ?? 0;
      yield sample(`${this.name}_bucket`, names, [...labels, String(bound)], below);
    }
    yield sample(`${this.name}_bucket`, names, [...labels, '+Inf'], count);
    yield sample(`${this.name}_sum`, this.labelNames, labels, sum);
    yield sample(`${this.name}_count`, this.labelNames, labels, count);
  }
}

/** Counters, gauges and histograms of a process, in the text format of Prometheus (version 0.0.4). */
export class Metrics {
  readonly #metrics: { lines(): Iterable<string> }[] = [];

  /** `name` ends in `_total`. */
  counter(name: string, help: string, labelNames: LabelValues = []): Pick<Value, 'add'> {
    return this.#added(new Value(name, 'counter', help, labelNames));
  }

  gauge(name: string, help: string, labelNames: LabelValues = []): Pick<Value, 'set' | 'clear'> {
    return this.#added(new Value(name, 'gauge', help, labelNames));
  }

  /** `bounds`: the upper ends of the buckets, ascending. */
  histogram(
    name: string,
    help: string,
    labelNames: LabelValues,
    bounds: readonly number[],
  ): Pick<Histogram, 'observe'> {
    return this.#added(new Histogram(name, help, labelNames, bounds));
  }

  #added<M extends Value | Histogram>(metric: M): M {
    this.#metrics.push(metric);
    return metric;
  }

  render(): string {
    return this.#metrics
      .flatMap((metric) => [...metric.lines()])
      .map((line) => `${line}\n`)
      .join('');
  }
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function sample(name: string, labelNames: LabelValues, labels: LabelValues, value: number): string {
  const pairs = labelNames.map((label, at) => `${label}="${escapeLabel(labels[at] ?? '')}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
}

function escapeLabel(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
