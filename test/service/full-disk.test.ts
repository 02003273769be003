import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { SoraError } from '../../src/domain/errors.ts';
import { eventually } from '../support/eventually.ts';
import { createTestedService, type TestedService } from '../support/service.ts';
import { startVideosServer } from '../support/videos-server.ts';

const RETRY = 'Could not write; retrying';

async function createPaid(): Promise<TestedService & { readonly posts: () => number }> {
  const server = await startVideosServer();
  return Object.assign(createTestedService({ upstreamUrl: server.url }), { posts: () => server.posts });
}

it.each([
  ['the id of its video', 'processing'],
  ['its end', 'completed'],
] as const)('a job is finished and paid once, although %s could not be stored at first', async (_, status) => {
  const service = await createPaid();
  const put = service.jobs.put.bind(service.jobs);
  let failures = 0;
  vi.spyOn(service.jobs, 'put').mockImplementation(async (job) => {
    if (job.status === status && failures++ < 2) throw new Error('only 100 of 300 bytes could be written');
    await put(job);
  });
  const id = await service.order();
  await service.until(id, 'completed');
  expect(service.messages.filter((message) => message === RETRY)).toHaveLength(2);
  expect(service.posts()).toBe(1);
});

it('a failure is stored as soon as that is possible', async () => {
  const service = createTestedService();
  service.conditions.change({ next: ['moderation_blocked_input'] });
  const put = service.jobs.put.bind(service.jobs);
  let failures = 0;
  vi.spyOn(service.jobs, 'put').mockImplementation(async (job) => {
    if (job.status === 'failed' && failures++ < 1) throw new Error('no space left');
    await put(job);
  });
  const id = await service.order();
  expect(await service.until(id, 'failed')).toMatchObject({ error: { code: 'moderation_blocked' } });
  expect(service.messages).toContain(RETRY);
});

const refusalOf = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });

it.each([new SoraError('cannot_write'), ...['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG', 'EIO', 'EMFILE'].map(refusalOf)])(
  'a job is submitted once the ledger can be written, after %s',
  async (refusal) => {
    const service = await createPaid();
    vi.spyOn(service.ledger, 'reserve').mockRejectedValueOnce(refusal);
    const id = await service.order();
    await service.until(id, 'completed');
    expect(service.messages).toContain(RETRY);
    expect(service.posts()).toBe(1);
  },
);

it('a video is saved once there is room for it', async () => {
  const service = await createPaid();
  const id = await service.order();
  const inTheWay = join(service.folder, 'serve', 'files', `${id}.mp4`);
  mkdirSync(inTheWay, { recursive: true });
  await eventually(async () => {
    service.clock.advance(1_000);
    expect(service.messages).toContain(RETRY);
  });
  expect(await service.read('GET', `/api/v1/videos/${id}`)).toMatchObject({ status: 'processing', error: null });
  rmdirSync(inTheWay);
  await service.until(id, 'completed');
  expect(service.posts()).toBe(1);
});
