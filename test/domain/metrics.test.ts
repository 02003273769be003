import { expect, it } from 'vitest';
import { Metrics } from '../../src/domain/metrics.ts';
import { expectPrometheus } from '../support/prometheus.ts';

it('writes counters, gauges and histograms in the format of Prometheus', () => {
  const metrics = new Metrics();
  const calls = metrics.counter('calls_total', 'Calls.', ['route']);
  const seconds = metrics.histogram('call_seconds', 'Time.', ['route'], [0.1, 1]);
  metrics.gauge('depth', 'Depth.').set(-2);
  calls.add(['/a']);
  calls.add(['/a'], 2);
  for (const value of [0.1, 0.5, 7]) seconds.observe(['/a'], value);
  expect(metrics.render()).toBe(
    [
      '# HELP calls_total Calls.',
      '# TYPE calls_total counter',
      'calls_total{route="/a"} 3',
      '# HELP call_seconds Time.',
      '# TYPE call_seconds histogram',
      'call_seconds_bucket{route="/a",le="0.1"} 1',
      'call_seconds_bucket{route="/a",le="1"} 2',
      'call_seconds_bucket{route="/a",le="+Inf"} 3',
      'call_seconds_sum{route="/a"} 7.6',
      'call_seconds_count{route="/a"} 3',
      '# HELP depth Depth.',
      '# TYPE depth gauge',
      'depth -2',
      '',
    ].join('\n'),
  );
  expectPrometheus(metrics.render());
});

it('escapes special characters in labels', () => {
  const metrics = new Metrics();
  metrics.gauge('x', 'Back\\slash\nand line.', ['name']).set(1, ['a "b" \\ \n{c="d"} €']);
  expect([...expectPrometheus(metrics.render())]).toEqual([['x{name="a \\"b\\" \\\\ \\n{c=\\"d\\"} €"}', 1]]);
});

it('limits the number of series', () => {
  const metrics = new Metrics();
  const calls = metrics.counter('calls_total', 'Calls.', ['name']);
  for (let at = 0; at < 10_000; at++) calls.add([`name-${at}`]);
  const samples = expectPrometheus(metrics.render());
  expect(samples.size).toBe(501);
  expect(samples.get('calls_total{name="other"}')).toBe(9_500);
});
