import { expect, it } from 'vitest';
import { createSimulatedApi, type SimulatedCall } from '../support/simulated-api.ts';

const prompt = 'a kite';

function formOf(fields: Iterable<readonly [name: string, value: string]>): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return form;
}

const manyFields = Array.from({ length: 10_000 }, (_, key) => [`a[${key}]`, 'x'] as const);
const nested = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`);

it.each<[string, SimulatedCall]>([
  ['a form of 10,000 fields', { form: formOf(manyFields) }],
  ['JSON of 10,000 fields', { json: Object.fromEntries(manyFields) }],
  ['deep JSON', { json: { prompt, model: 'any', nested } }],
  ['a model name of 1 MB', { json: { prompt, model: 'm'.repeat(1 << 20) } }],
  ['a field name of 1 MB', { json: { prompt, ['f'.repeat(1 << 20)]: 1 } }],
  ['a value of 1 MB', { json: { prompt, seconds: '4'.repeat(1 << 20) } }],
  ['an idempotency key of 16 kB', { json: { prompt }, headers: { 'idempotency-key': 'k'.repeat(16_000) } }],
])('%s gets a short 400 quickly', async (_, call) => {
  const api = createSimulatedApi();
  await api.call('GET', '/models'); // compiles the schemas of the test helper
  const { json, form, headers = {} } = call;
  const encoded = new Response(json === undefined ? (form ?? null) : JSON.stringify(json));
  const type = json === undefined ? (encoded.headers.get('content-type') ?? '') : 'application/json';
  const request = new Request('http://simulator.invalid/v1/videos', {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: await encoded.arrayBuffer(), // encoded beforehand, which takes longer for a form than refusing it
  });
  const startedMs = performance.now();
  const reply = await api.handle(request);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(reply.status).toBe(400);
  expect((await reply.text()).length).toBeLessThan(5_000);
});

it('treats special names in nested fields as plain fields', async () => {
  const api = createSimulatedApi();
  const form = formOf([
    ['prompt', prompt],
    ['model', 'any'],
    ['a[__proto__]', 'x'],
    ['__proto__[b]', 'y'],
  ]);
  expect((await api.call('POST', '/videos', { form })).status).toBe(200);
  expect(Object.prototype).not.toHaveProperty('b');
});
