// Draws the README's pictures in docs/pictures/ with the built program: the terminal as SVG, from real output, and the page
// of `sora serve` as JPEG. Needs `script` (util-linux) for the terminal and Chromium for the page.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'docs/pictures');
const SORA = join(ROOT, 'bin/sora.js');
const COLUMNS = 96;
const CELL = { width: 8.4, height: 20 };
const MARGIN = { x: 18, top: 44, bottom: 16 };
const PROMPTS = ['A lighthouse at dusk, waves against the rocks', 'A fox crosses a frozen lake, first light'];
const PROMPT = 'A paper boat sails into a storm drain';

const home = mkdtempSync(join(tmpdir(), 'sora-pictures-'));
const { CI: _, NO_COLOR: __, ...inherited } = process.env; // both would turn off colours and animation
const env = { ...inherited, SORA_HOME: home, TERM: 'xterm-256color' };

/** The output of a command on a terminal. */
function onTerminal(args: readonly string[]): string {
  const words = [`stty rows 24 cols ${COLUMNS}; exec`, process.execPath, SORA, ...args.map((arg) => `'${arg}'`)];
  const options = { cwd: home, env, encoding: 'utf8' } as const;
  const { status, stdout } = spawnSync('script', ['-qec', words.join(' '), '/dev/null'], options);
  if (status !== 0) throw new Error(`sora ${args.join(' ')} failed: ${stdout}`);
  return stdout.replaceAll('\r', '');
}

/** The lines of an output, with the last frame that shows rendering. Each frame is a synchronized update. */
function withProgress(output: string): string[] {
  const frames = output
    .split(/\x1b\[\?2026[hl]/)
    .map((frame) => frame.replace(/\x1b\[[\d;?]*[A-Za-ln-z]/g, '').trimEnd());
  const [before = ''] = frames;
  const bar = frames.findLast((frame) => frame.includes('in progress')) ?? '';
  return [before.trimEnd(), bar, ...(frames.at(-1) ?? '').split('\n')];
}

const COLOURS: Readonly<Record<string, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  36: '#79c0ff',
  2: '#8b949e',
};

/** One line with its colours as text elements, each as wide as its cells. */
function drawLine(line: string, row: number): string {
  const y = MARGIN.top + row * CELL.height;
  let [column, colour] = [0, '#e6edf3'];
  const runs = line.split(/(\x1b\[[\d;?]*[A-Za-z])/).map((part) => {
    const code = /^\x1b\[(\d+)m$/.exec(part)?.[1];
    if (part.startsWith('\x1b')) {
      if (code !== undefined) colour = COLOURS[code] ?? '#e6edf3';
      return '';
    }
    const text = part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0');
    const x = MARGIN.x + column * CELL.width;
    column += part.length;
    if (part.trim() === '') return '';
    return `<text x="${x.toFixed(1)}" y="${y}" fill="${colour}" textLength="${(part.length * CELL.width).toFixed(1)}">${text}</text>`;
  });
  return runs.join('');
}

function drawTerminal(lines: readonly string[]): string {
  const width = Math.ceil(MARGIN.x * 2 + COLUMNS * CELL.width);
  const height = MARGIN.top + (lines.length - 1) * CELL.height + MARGIN.bottom;
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (fill, at) => `<circle cx="${20 + at * 18}" cy="18" r="5.5" fill="${fill}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    '<title>sora create and sora list on a terminal</title>',
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>${dots.join('')}`,
    '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="14" lengthAdjust="spacingAndGlyphs">',
    ...lines.map(drawLine).filter(Boolean),
    '</g></svg>\n',
  ].join('\n');
}

/** The page of `sora serve` after creating three videos. */
async function photographPage(): Promise<Buffer> {
  const options = { cwd: home, env: { ...env, SORA_HOME: join(home, 'serve') } };
  const server = spawn(process.execPath, [SORA, 'serve', '--port', '0', '--json'], options);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const [ready] = await once(server.stdout, 'data');
    const page = await browser.newPage({
      viewport: { width: 1040, height: 790 },
      bypassCSP: true,
      colorScheme: 'dark',
    });
    await page.goto(JSON.parse(String(ready)).url);
    for (const [at, prompt] of [...PROMPTS, PROMPT].entries()) {
      await page.getByLabel('Prompt').fill(prompt);
      await page.getByRole('button', { name: 'Create video' }).click();
      await page.getByText('Completed', { exact: true }).nth(at).waitFor();
    }
    await page.waitForFunction(
      'document.querySelectorAll(".watch img").length > 2 && [...document.images].every(({ complete }) => complete)',
    );
    return await page.screenshot({ type: 'jpeg', quality: 58 });
  } finally {
    await browser.close();
    server.kill();
    await once(server, 'exit');
  }
}

mkdirSync(OUT, { recursive: true });
try {
  for (const prompt of PROMPTS) onTerminal(['create', prompt, '--simulate', '--quiet', '-d', '8']);
  const lines = [
    `\x1b[2m$\x1b[22m sora create "${PROMPT}" --simulate`,
    ...withProgress(onTerminal(['create', PROMPT, '--simulate'])),
    '',
    '\x1b[2m$\x1b[22m sora list --simulate',
    ...onTerminal(['list', '--simulate']).trimEnd().split('\n'),
  ];
  writeFileSync(join(OUT, 'terminal.svg'), drawTerminal(lines));
  writeFileSync(join(OUT, 'page.jpg'), await photographPage());
} finally {
  rmSync(home, { recursive: true, force: true });
}
