import { expect } from 'vitest';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$`);
const SUFFIXES: Readonly<Record<string, string>> = { histogram: '(?:_bucket|_sum|_count)', counter: '', gauge: '' };

/**
 * Fails the test unless a text is valid in the Prometheus format and follows its conventions: each metric is described
 * once, before its samples; series are unique; buckets are cumulative and end with the count. Returns the samples.
 */
export function expectPrometheus(text: string): Map<string, number> {
  expect(text.endsWith('\n')).toBe(true);
  const samples = new Map<string, number>();
  const described = new Set<string>();
  let [current, type] = ['', ''];
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) \S/.exec(line)?.[1];
    const typed = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (help !== undefined) {
      expect(described, line).not.toContain(help);
      described.add(help);
      current = help;
    } else if (typed !== null) {
      expect(typed[1], line).toBe(current);
      type = typed[2] ?? '';
      expect(current.endsWith('_total'), line).toBe(type === 'counter');
    } else {
      const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      expect(name, line).toMatch(new RegExp(`^${current}${SUFFIXES[type]}$`));
      expect(samples.has(`${name}{${labels}}`), line).toBe(false);
      samples.set(`${name}{${labels}}`, Number(value.replace('Inf', 'Infinity')));
    }
  }
  expectCumulative(samples);
  return samples;
}

function expectCumulative(samples: ReadonlyMap<string, number>): void {
  let [series, below, bound] = ['', 0, 0];
  for (const [sample, value] of samples) {
    const [, name = '', labels = '', le = ''] = /^(.*)_bucket\{(.*?),?le="([^"]+)"\}$/.exec(sample) ?? [];
    if (name === '') continue;
    const here = `${name}{${labels}}`;
    const upTo = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    if (here === series) expect([value >= below, upTo > bound], sample).toEqual([true, true]);
    [series, below, bound] = [here, value, upTo];
    if (le === '+Inf') expect(samples.get(`${name}_count{${labels}}`), sample).toBe(value);
  }
}
