import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Response as BrowserResponse, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { CHROMIUM, launchChromium } from '../support/chromium.ts';
import { expectPromised } from '../support/document-check.ts';
import { startServe } from '../support/serve.ts';
import { startVideosServer } from '../support/videos-server.ts';

interface Visit {
  readonly page: Page;
  /** What was said on the console, asked of other hosts, or answered otherwise than the document says: nothing, when all is well. */
  readonly faults: readonly string[];
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;

beforeAll(async () => {
  if (CHROMIUM !== null) browser = await launchChromium();
});
afterAll(() => browser?.close());

async function visit(url: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Visit> {
  const page = await browser.newPage({ colorScheme: 'light', ...options });
  onTestFinished(() => page.close());
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== 'blob:' && asked.protocol !== 'data:' && asked.origin !== new URL(url).origin)
      faults.push(asked.href);
  });
  page.on('response', (response) => {
    if (!response.url().startsWith('http')) return; // a blob of the page's own
    holdToDocument(response).catch((fault) => faults.push(String(fault)));
  });
  await page.goto(url);
  return { page, faults };
}

async function holdToDocument(response: BrowserResponse): Promise<void> {
  const { 'content-type': type = '' } = response.headers();
  const body = type.startsWith('application/json') ? await response.text().catch(() => null) : '';
  if (body === null) return; // the page was closed before it was read
  const reply = new Response(body, { status: response.status(), headers: { 'content-type': type } });
  await expectPromised(response.request().method(), response.url(), reply);
}

/** Plays the video that a selector finds, and returns its properties. */
function play(page: Page, selector: string): Promise<Record<string, number>> {
  return page.locator(selector).evaluate(async (video) => {
    const player = video as unknown as {
      muted: boolean;
      play(): Promise<void>;
      addEventListener(name: string, listen: () => void): void;
      readonly currentTime: number;
      readonly duration: number;
      readonly videoWidth: number;
      readonly videoHeight: number;
    }; // runs in the page, whose types are not available here
    player.muted = true;
    await player.play();
    await new Promise<void>((resolve) => {
      player.addEventListener('timeupdate', () => {
        if (player.currentTime > 0) resolve();
      });
    });
    const { duration, videoWidth, videoHeight } = player;
    return { duration, videoWidth, videoHeight };
  });
}

/** The violations that axe finds on a page, one a line. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return await page.evaluate(
    'axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ": " + target)))',
  );
}

/** Orders videos with these prompts, and waits until they are saved with their pictures. */
async function orderAll(url: string, prompts: readonly string[]): Promise<void> {
  const headers = { 'x-api-key': 'test-api-key', 'content-type': 'application/json' };
  for (const prompt of prompts) {
    await fetch(`${url}/api/v1/videos`, { method: 'POST', headers, body: JSON.stringify({ prompt }) });
  }
  const isDone = async (): Promise<boolean> => {
    const reply = await fetch(`${url}/api/v1/videos?limit=100`, { headers });
    const { videos } = (await reply.json()) as { videos: readonly { readonly thumbnailUrl: string | null }[] };
    return videos.every(({ thumbnailUrl }) => thumbnailUrl !== null);
  };
  await expect.poll(isDone, { timeout: 40_000, interval: 100 }).toBe(true);
}

const FAST = { SORA_SIMULATOR_SPEED: '200' };
const DEVICES = [
  ['a desktop', { width: 1280, height: 900 }],
  ['a phone', { width: 390, height: 844 }],
] as const;

// A browser is slow beside other tests on two busy cores.
describe.skipIf(CHROMIUM === null)('in Chromium', { timeout: 60_000 }, () => {
  it('the page creates a video, shows its progress, and plays it, in light and dark mode', async () => {
    const { url } = await startServe(createBinary());
    const { page, faults } = await visit(url);
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.getByLabel('Prompt').fill('a paper boat <b>sails</b>');
    await page.getByLabel('Length').selectOption('8 seconds');
    await page.getByLabel('Shape').selectOption('9:16');
    await page.getByRole('button', { name: 'Create video' }).click();
    const card = page.getByRole('listitem');
    await card.getByText('Completed', { exact: true }).waitFor();
    expect(await card.getByRole('heading').textContent()).toBe('a paper boat <b>sails</b>');
    await card.locator('img').waitFor();
    await page.getByRole('button', { name: 'Watch: a paper boat' }).click();
    expect(await play(page, 'dialog video')).toEqual({ duration: 8, videoWidth: 720, videoHeight: 1280 });
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).not.toBe(light);
    expect(faults).toEqual([]);
  });

  it('the page works with the keyboard alone, and reports an invalid order', async () => {
    const { url } = await startServe(createBinary());
    const { page, faults } = await visit(url);
    for (const name of ['Skip to the videos', 'API docs', 'OpenAPI']) {
      await page.keyboard.press('Tab');
      expect(await page.locator(':focus').textContent()).toBe(name);
    }
    await page.keyboard.press('Tab');
    await page.keyboard.type('a kite');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Completed', { exact: true }).waitFor();
    await page.getByLabel('Prompt').fill('   ');
    await page.getByRole('button', { name: 'Create video' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('the prompt is empty');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.getByRole('button', { name: 'Delete: a kite' }).press('Enter');
    await page.getByText('No videos yet').waitFor();
    // Chromium itself logs one line for a refused request.
    expect(faults.filter((fault) => !fault.includes('400 (Bad Request)'))).toEqual([]);
    await page.getByRole('button', { name: 'Create video' }).press('Enter');
    expect(await page.locator(':focus').textContent()).toBe('Create video');
  });

  it('the page reports that the server is not responding, and recovers', async () => {
    const { url } = await startServe(createBinary());
    const { page } = await visit(url);
    await page.getByText('No videos yet').waitFor();
    await page.route('**/api/v1/videos?*', (route) => route.abort());
    const trouble = page.getByText('the server is not responding. Retrying');
    await trouble.waitFor();
    await page.unroute('**/api/v1/videos?*');
    await trouble.waitFor({ state: 'hidden' });
  });

  it('the page shows a video created by an OpenAI client', async () => {
    const { url } = await startServe(createBinary());
    const body = JSON.stringify({ prompt: 'made by an app', size: '1280x720' });
    await fetch(`${url}/v1/videos`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { page, faults } = await visit(url);
    await page.getByRole('button', { name: 'Watch: made by an app' }).click();
    expect(await play(page, 'dialog video')).toEqual({ duration: 4, videoWidth: 1280, videoHeight: 720 });
    await page.route('**/v1/videos?*', async (route) => {
      const reply = await route.fetch();
      await route.fulfill({
        response: reply,
        body: (await reply.text()).replace(/"expires_at":\d+/, '"expires_at":1'),
      });
    });
    await page.getByText('the file has expired').waitFor();
    expect(await page.getByRole('button', { name: 'Watch' }).count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('Swagger UI creates a video, shows its status, and plays it', async () => {
    const { url } = await startServe(createBinary());
    const { page, faults } = await visit(`${url}/docs`);
    const run = async (operation: string, id?: string): Promise<void> => {
      const block = page.locator(`[id$="-${operation}"]`);
      await block.locator('.opblock-summary-control').click();
      if (id !== undefined) await block.locator('input[placeholder="id"]').fill(id);
      await block.getByRole('button', { name: 'Execute' }).click();
    };
    const reply = page.waitForResponse((response) => response.request().method() === 'POST');
    await run('createVideoJob');
    const { id }: { id: string } = await (await reply).json();
    const job = `${url}/api/v1/videos/${id}`;
    const isDone = async (): Promise<boolean> =>
      (await (await fetch(job, { headers: { 'x-api-key': 'test-api-key' } })).text()).includes('"completed"');
    while (!(await isDone()));
    await run('readVideoJob', id);
    await page.locator('[id$="-readVideoJob"] .live-responses-table', { hasText: '"completed"' }).waitFor();
    await run('readVideoFile', id);
    expect(await play(page, '.live-responses-table video')).toEqual({
      duration: 4,
      videoWidth: 1280,
      videoHeight: 720,
    });
    expect(faults).toEqual([]);
  });

  it('the page shows model, price and cap of a paid video, and asks before it orders', async () => {
    const server = await startVideosServer();
    const binary = createBinary();
    await binary.start(['config', 'profile', 'add', 'lab', '--base-url', server.url, '--model', 'sora-2']).ended;
    const { url, started } = await startServe(binary, ['--profile', 'lab', '--max-cost', '5']);
    const { page, faults } = await visit(`${url}/#key=${started.api_key}`);
    await page.getByText('sora-2 · price unknown · $5.00 of $5.00 left').waitFor(); // no defaults are sent
    expect(page.url()).toBe(`${url}/`);
    await page.getByLabel('Length').selectOption('4 seconds');
    await page.getByLabel('Resolution').selectOption('720p');
    await page.getByText('sora-2 · 4 s · 1280 × 720 · about $0.40 · $5.00 of $5.00 left').waitFor();
    await page.getByLabel('Length').selectOption('20 seconds');
    await page.getByText('sora-2 · 20 s · 1280 × 720 · about $2.00').waitFor();
    await page.getByLabel('Prompt').fill('a kite');
    const questions: string[] = [];
    let answer: 'dismiss' | 'accept' = 'dismiss';
    page.on('dialog', (dialog) => {
      questions.push(dialog.message());
      void dialog[answer]();
    });
    await page.getByRole('button', { name: 'Create video' }).click();
    await expect.poll(() => questions).toEqual([expect.stringContaining('about $2.00')]);
    expect(server.posts).toBe(0);
    answer = 'accept';
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('listitem').getByText('Completed', { exact: true }).waitFor();
    expect(server.posts).toBe(1);
    await page.getByText('$3.00 of $5.00 left').waitFor();
    await page.getByRole('combobox', { name: 'Variations' }).selectOption('2');
    await page.getByText('about 2 × $2.00 = $4.00 · more than the cap: $3.00 of $5.00 left').waitFor();
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('alert').getByText('not ordered: $3.00 of $5.00 left').waitFor();
    expect([questions.length, server.posts]).toEqual([2, 1]);
    expect(faults).toEqual([]);
  });

  it('the page asks for the key when it is a secret', async () => {
    const sora = createBinary();
    const { url } = await startServe(sora, ['--api-key-env', 'OUR_KEY'], { OUR_KEY: 'a secret of ours' });
    const { page } = await visit(url);
    await page.getByLabel('Key', { exact: true }).fill('another');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('The server rejected this key').waitFor();
    await page.getByLabel('Key', { exact: true }).fill('a secret of ours');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByText('No videos yet').waitFor();
    await page.getByLabel('Prompt').fill('a kite');
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('button', { name: 'Watch: a kite' }).click();
    expect(await play(page, 'dialog video')).toMatchObject({ duration: 4 });
  });

  it.each(DEVICES)('axe finds no violations on %s, in light and dark mode and in dialogs', async (_, viewport) => {
    const { url } = await startServe(createBinary(), [], FAST);
    await orderAll(url, ['a kite', 'a kite', `a very long prompt ${'about the rain '.repeat(60)}`]);
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await visit(url, { viewport, colorScheme });
      await page.getByRole('button', { name: 'Compare 2 variations' }).first().waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Gallery' }).click();
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Watch: a very long' }).click();
      expect(await violations(page)).toEqual([]);
      await page.goto(`${url}/docs`);
      await page.locator('.opblock').first().waitFor();
      expect(await violations(page)).toEqual([]);
      await page.locator('.opblock-summary-control').first().click();
      await page.getByRole('button', { name: 'Execute' }).waitFor();
      expect(await violations(page)).toEqual([]);
    }
  });

  it('the page paginates, searches prompts, and moves between videos with arrow keys', async () => {
    const { url } = await startServe(createBinary(), [], FAST);
    await orderAll(
      url,
      Array.from({ length: 26 }, (_, at) => (at === 0 ? 'the first kite' : `boat ${at}`)),
    );
    const { page, faults } = await visit(url);
    await page.getByText('24 of 26').waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect.poll(() => page.getByRole('listitem').count()).toBe(26);
    await page.locator('body').press('/');
    await page.keyboard.type('KITE');
    await expect.poll(() => page.getByRole('listitem').count()).toBe(1);
    await page.getByRole('searchbox').fill('nothing has this');
    await page.getByText('No videos match.').waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByText('24 of 26').waitFor();
    await page.getByRole('button', { name: 'Watch: boat 25' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('Watch: boat 24');
    await page.keyboard.press('Enter');
    const title = page.getByRole('dialog').getByRole('heading');
    expect(await title.textContent()).toBe('boat 24');
    await page.getByRole('button', { name: 'Older' }).click();
    expect(await title.textContent()).toBe('boat 23');
    await page.keyboard.press('Escape');
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('Watch: boat 24');
    await expect.poll(() => page.evaluate('history.state')).toBe(null);
    await page.keyboard.press('Enter');
    await title.waitFor();
    await page.goBack(); // as a phone closes what is on top
    await title.waitFor({ state: 'hidden' });
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('Watch: boat 24');
    expect(page.url()).toBe(`${url}/`);
    expect(faults).toEqual([]);
  });

  it('the page orders variations of one image, cropped to the video, and compares them', async () => {
    const { url } = await startServe(createBinary(), [], FAST);
    const { page, faults } = await visit(url);
    const picture = await page.screenshot({ clip: { x: 0, y: 0, width: 300, height: 300 } });
    await page.getByLabel('first frame').setInputFiles({ name: 'square.png', mimeType: 'image/png', buffer: picture });
    await page.getByText('square.png, cropped to 1280 × 720').waitFor();
    await page.getByLabel('Variations').selectOption('2');
    await page.getByLabel('Prompt').fill('a kite');
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('button', { name: 'Compare 2 variations: a kite' }).first().click();
    const players = page.getByRole('dialog').locator('video');
    expect(await players.count()).toBe(2);
    await page.getByRole('button', { name: 'Play all' }).click();
    await page.getByRole('button', { name: 'Pause all' }).waitFor();
    const isPlaying = '[...document.querySelectorAll("dialog video")].every((video) => video.currentTime > 0)';
    await expect.poll(() => page.evaluate(isPlaying)).toBe(true);
    const listed = await fetch(`${url}/api/v1/videos`, { headers: { 'x-api-key': 'test-api-key' } });
    const { videos } = (await listed.json()) as { videos: readonly Record<string, unknown>[] };
    expect(new Set(videos.map(({ imageSha256 }) => imageSha256)).size).toBe(1);
    expect(videos[0]?.imageSha256).toMatch(/^[\da-f]{64}$/);
    expect(faults).toEqual([]);
  });

  it('the page refuses a prompt that is too long, instead of cutting it, and shows why', async () => {
    const { url } = await startServe(createBinary());
    const { page } = await visit(url, { viewport: { width: 360, height: 640 } });
    await page.getByLabel('Prompt').fill('x'.repeat(33_000));
    await page.getByRole('button', { name: 'Create video' }).click();
    const reason = page.getByText('the prompt has 33000 characters; the limit is 32000');
    await reason.waitFor();
    const { y = 0, height = 0 } = (await reason.boundingBox()) ?? {};
    expect(y + height).toBeLessThanOrEqual(640);
  });

  it('the page creates one video after a double click, or while a key is held', async () => {
    const { url } = await startServe(createBinary(), [], FAST);
    const { page } = await visit(url);
    const button = page.getByRole('button', { name: 'Create video' });
    await page.getByLabel('Prompt').fill('once');
    const { x, y } = (await button.boundingBox()) ?? { x: 0, y: 0 };
    await page.mouse.click(x + 9, y + 9);
    await page.getByRole('listitem').waitFor();
    await page.mouse.move(x + 9, y + 9);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await page.getByLabel('Prompt').fill('twice');
    await page.keyboard.down('Control');
    await page.keyboard.down('Enter');
    await expect.poll(() => page.getByRole('listitem').count()).toBe(2);
    await page.keyboard.down('Enter');
    await page.keyboard.up('Control');
    await button.focus();
    await page.keyboard.down('Enter'); // still held
    await page.getByLabel('Search videos').fill('ce');
    await expect.poll(() => page.locator('#count').textContent()).toBe('2');
  });

  it('the page shows the quote for the choices, even if an earlier one comes late', async () => {
    const { url } = await startServe(createBinary(), [], FAST);
    const { page } = await visit(url);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/api/v1/quote?duration=8', async (route) => {
      await held;
      await route.continue();
    });
    const asked = page.waitForRequest('**/api/v1/quote?duration=8');
    const late = page.waitForResponse('**/api/v1/quote?duration=8');
    await page.getByLabel('Length').selectOption('8 seconds');
    await asked;
    await page.getByLabel('Length').selectOption('12 seconds');
    await page.getByText('12 s ·').waitFor();
    release();
    await (await late).finished();
    await page.evaluate('new Promise((done) => setTimeout(done))');
    expect(await page.locator('#quote').textContent()).toContain('12 s');
  });

  it('the page creates one video when it repeats an order whose reply was lost', async () => {
    const { url } = await startServe(createBinary(), [], FAST);
    const { page } = await visit(url);
    await page.route(
      '**/api/v1/videos',
      async (route) => {
        if (route.request().method() === 'POST') await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await page.getByLabel('Prompt').fill('a kite');
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('alert').getByText('the server is not responding').waitFor();
    await page.getByRole('button', { name: 'Create video' }).click();
    await page.getByRole('button', { name: 'Watch: a kite' }).waitFor();
    expect(await page.getByRole('listitem').count()).toBe(1);
  });
});
