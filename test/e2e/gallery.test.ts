import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, launchChromium } from '../support/chromium.ts';
import { createCommandLine } from '../support/command-line.ts';

let browser: Browser;

beforeAll(async () => {
  if (CHROMIUM !== null) browser = await launchChromium();
});
afterAll(() => browser?.close());

// A browser is slow beside other tests on two busy cores.
describe.skipIf(CHROMIUM === null)('the gallery in Chromium', { timeout: 60_000 }, () => {
  it('fits a phone, follows the dark mode, works with the keyboard, and plays videos from the disk', async () => {
    const sora = createCommandLine();
    const prompt = `a "boat" <b>sails</b> ${'far and '.repeat(30)}away`;
    const variants = ['--variant', 'video', '--variant', 'thumbnail'];
    await sora.run(['create', prompt, '--simulate', '-o', 'shots/a boat #1.mp4', ...variants]);
    await sora.run(['create', 'a kite', '--simulate', '--detach']);
    await sora.run(['gallery']);

    const page = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme: 'light' });
    const faults: string[] = [];
    page.on('console', (message) => faults.push(message.text()));
    page.on('requestfailed', (request) => faults.push(request.url()));
    await page.goto(pathToFileURL(join(sora.cwd, 'gallery.html')).href);
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await background();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).not.toBe(light);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);

    const boat = page.getByRole('listitem').filter({ hasText: 'boat' });
    await boat.getByText('Whole prompt').press('Enter');
    expect(await boat.locator('details p').textContent()).toBe(prompt);
    const video = boat.getByLabel('Video: a "boat" <b>sails</b>');
    const played = await video.evaluate(async (element) => {
      const player = element as unknown as {
        muted: boolean;
        play(): Promise<void>;
        readonly poster: string;
        readonly duration: number;
        readonly videoWidth: number;
      }; // runs in the page, whose types are not available here
      player.muted = true;
      await player.play();
      const { poster, duration, videoWidth } = player;
      return { poster: poster.slice(0, 15), duration, videoWidth };
    });
    expect(played).toEqual({ poster: 'data:image/webp', duration: 4, videoWidth: 1280 });
    expect(faults).toEqual([]);
    await page.close();
  });
});
