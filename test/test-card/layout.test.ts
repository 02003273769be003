import { describe, expect, it } from 'vitest';
import type { ClipSpec } from '../../src/test-card/clip-spec.ts';
import { CAPITAL_HEIGHT, GLYPH_ADVANCE, GLYPH_HEIGHT } from '../../src/test-card/font.ts';
import { type Layout, layOut } from '../../src/test-card/layout.ts';
import type { Rect } from '../../src/test-card/picture.ts';

const SIZES = [
  [1280, 720],
  [720, 1280],
  [1920, 1080],
  [480, 480],
  [320, 180],
  [160, 90],
  [64, 64],
  [58, 40],
  [18, 30],
  [16, 16],
  [4096, 16],
  [16, 4096],
  [4096, 4096],
] as const;
const PROMPTS = ['', 'A cat', 'word '.repeat(500), 'x'.repeat(900)];
const CASES = SIZES.flatMap(([width, height]) => PROMPTS.map((prompt) => ({ width, height, prompt })));

function specOf(fields: Pick<ClipSpec, 'width' | 'height' | 'prompt'>): ClipSpec {
  return { id: 'video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5', model: 'sora-2-pro', seconds: 12, ...fields };
}

type Place = { readonly x: number; readonly y: number; readonly scale: number };

function textArea(columns: number, { x, y, scale }: Place, height = GLYPH_HEIGHT): Rect {
  return { x, y, width: (columns * GLYPH_ADVANCE - 1) * scale, height: height * scale };
}

function areasOf({ texts, colourBars, lane, clock, progress }: Layout): Rect[] {
  const captions = texts.map((text) =>
    textArea(text.text.length, text, text.role === 'title' ? CAPITAL_HEIGHT : GLYPH_HEIGHT),
  );
  return [...captions, colourBars, lane, clock && textArea(8, clock, CAPITAL_HEIGHT), progress].filter(
    (area) => area !== undefined,
  );
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe('layOut', () => {
  it.each(CASES)('keeps areas apart and inside $width x $height', (fields) => {
    const areas = areasOf(layOut(specOf(fields)));
    for (const [i, area] of areas.entries()) {
      expect(area.x).toBeGreaterThanOrEqual(0);
      expect(area.y).toBeGreaterThanOrEqual(0);
      expect(area.x + area.width).toBeLessThanOrEqual(fields.width);
      expect(area.y + area.height).toBeLessThanOrEqual(fields.height);
      expect(areas.slice(i + 1).filter((other) => overlap(area, other))).toEqual([]);
    }
  });

  it('shows every caption in full when there is room', () => {
    const { texts, clock } = layOut(specOf({ width: 1280, height: 720, prompt: 'A calico cat' }));
    const joined = (role: string) => texts.filter((text) => text.role === role).map(({ text }) => text);
    expect(joined('title')).toEqual(['SORA SIMULATOR']);
    expect(joined('prompt')).toEqual(['A calico cat']);
    expect(joined('detail').join('')).toBe(
      'sora-2-pro 1280x720 12svideo_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5',
    );
    expect(clock).toBeDefined();
  });

  it('still shows title, prompt, model and clock at 64x64', () => {
    const { texts, clock } = layOut(specOf({ width: 64, height: 64, prompt: 'A calico cat' }));
    expect(texts.map(({ text }) => text)).toEqual(['SORA', 'SIMULATOR', 'A calic...', 'sora-2-pro', '64x64 12s']);
    expect(clock).toBeDefined();
  });
});
