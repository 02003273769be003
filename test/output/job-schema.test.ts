import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { expect, it } from 'vitest';
import { JOB_SCHEMA } from '../../src/output/job-schema.ts';
import { createCommandLine } from '../support/command-line.ts';

it('describes exactly the JSON of a job', async () => {
  const sora = createCommandLine();
  const created = await sora.run([
    'create',
    'a boat',
    '--simulate',
    '--size',
    '64x36',
    '-m',
    'small',
    '-d',
    '1',
    '--json',
  ]);
  const { notes: _, ...job } = created.json();
  expect(Object.keys(job)).toEqual(JOB_SCHEMA.required);
  const isJob = addFormats.default(new Ajv.default()).compile(JOB_SCHEMA);
  expect(isJob(job), JSON.stringify(isJob.errors)).toBe(true);
});
