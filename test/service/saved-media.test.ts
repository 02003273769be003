import { createHash } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { S3Store } from '../../src/object-storage/s3-store.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readSaved, removeSaved, savedReply } from '../../src/service/saved-media.ts';
import { playS3, S3_ENV } from '../support/played-s3.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

it('is served from object storage in ranges, read whole, and deleted', async () => {
  for (const [name, value] of Object.entries(S3_ENV)) vi.stubEnv(name, value);
  const s3 = playS3();
  const store = new S3Store({
    spoolDir: createTemporaryFolder(),
    env: S3_ENV,
    http: async () => s3.http,
    clock: systemClock,
    signal: new AbortController().signal,
    onSecret: () => {},
  });
  const source = Buffer.from('0123456789');
  const sha256 = createHash('sha256').update(source).digest('hex');
  const file = { path: 's3://films/boat.mp4' };
  await store.put(file.path, { source, bytes: 10, sha256, mediaType: 'video/mp4' }, { force: false });
  const ask = (headers = {}, method = 'GET') =>
    savedReply(new Request('http://localhost/', { method, headers }), file, store);
  const whole = await ask();
  expect(Object.fromEntries(whole.headers)).toMatchObject({
    'content-type': 'video/mp4',
    'content-length': '10',
    etag: `"${sha256}"`,
  });
  expect(await whole.text()).toBe('0123456789');
  const part = await ask({ range: 'bytes=-3' });
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 7-9/10', '789']);
  const changed = await ask({ range: 'bytes=-3', 'if-range': '"another"' });
  expect([changed.status, await changed.text()]).toEqual([200, '0123456789']);
  expect((await ask({ range: 'bytes=10-' })).status).toBe(416);
  expect((await ask({}, 'HEAD')).body).toBeNull();
  expect(Buffer.from(await readSaved(file, store)).equals(source)).toBe(true);
  await removeSaved([file], store);
  expect(s3.objects.size).toBe(0);
  await removeSaved([file], store);
  await expect(ask()).rejects.toMatchObject({ code: 'content_expired' });
});

it('is expired when its file is gone', async () => {
  const reply = savedReply(
    new Request('http://localhost/'),
    { path: `${createTemporaryFolder()}/gone.mp4` },
    {} as S3Store,
  );
  await expect(reply).rejects.toMatchObject({ code: 'content_expired' });
});
