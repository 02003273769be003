import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian, Ubuntu, macOS and others install it; `CHROMIUM` overrides this. */
const PLACES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The browser of the system; null where there is none. */
export const CHROMIUM = PLACES.find((path) => path !== '' && existsSync(path)) ?? null;

if (CHROMIUM === null) {
  process.stderr.write(
    'no Chromium: the tests of the pages are left out (`apt-get install chromium`, or set CHROMIUM)\n',
  );
}

export function launchChromium(): Promise<Browser> {
  // The sandbox needs rights that containers do not grant; the only pages are our own.
  return chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
}
