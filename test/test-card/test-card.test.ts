import { describe, expect, it } from 'vitest';
import type { ClipSpec } from '../../src/test-card/clip-spec.ts';
import { TestCard } from '../../src/test-card/test-card.ts';

const SPEC: ClipSpec = { id: 'video_1', prompt: 'A calico cat', model: 'sora-2', seconds: 2, width: 160, height: 90 };

describe('TestCard', () => {
  it.each([
    [160, 90],
    [16, 16],
    [250, 202],
  ])('changes nothing outside the areas it reports, at %ix%i', (width, height) => {
    const card = new TestCard({ ...SPEC, width, height });
    card.drawFrame(0);
    for (let frame = 1; frame < 32; frame++) {
      const before = [card.picture.luma, card.picture.cb].map(({ samples }) => samples.slice());
      const areas = card.drawFrame(frame);
      const strays = [card.picture.luma, card.picture.cb].flatMap(({ samples, width: stride }, plane) =>
        [...samples.entries()].filter(([i, sample]) => {
          const x = (i % stride) << plane;
          const y = Math.trunc(i / stride) << plane;
          const isInside = areas.some((a) => x >= a.x && x < a.x + a.width && y >= a.y && y < a.y + a.height);
          return sample !== before[plane]?.[i] && !isInside;
        }),
      );
      expect(strays).toEqual([]);
    }
  });

  it('draws the same frame regardless of earlier frames', () => {
    const walking = new TestCard(SPEC);
    const jumping = new TestCard(SPEC);
    for (let frame = 0; frame <= 40; frame++) walking.drawFrame(frame);
    jumping.drawFrame(40);
    expect(Buffer.compare(walking.picture.luma.samples, jumping.picture.luma.samples)).toBe(0);
    expect(Buffer.compare(walking.picture.cb.samples, jumping.picture.cb.samples)).toBe(0);
  });
});
