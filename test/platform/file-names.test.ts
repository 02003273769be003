import { describe, expect, it } from 'vitest';
import { pathFault } from '../../src/platform/file-names.ts';

describe('pathFault', () => {
  it.each<[NodeJS.Platform, string, RegExp]>([
    ['linux', `${'x'.repeat(256)}`, /too long \(256 of at most 255/],
    ['linux', `clips/${'é'.repeat(128)}/clip.mp4`, /too long \(256/],
    ['linux', 'a\0b.mp4', /null/],
    ['win32', 'a?b.mp4', /no `\?`/],
    ['win32', 'a<b>.mp4', /no `<`/],
    ['win32', 'a:b.mp4', /`a:` names a drive/],
    ['win32', 'clips\\a:b.mp4', /no `:`/],
    ['win32', 'CON', /`CON` names a device/],
    ['win32', 'clips/nul.mp4', /device/],
    ['win32', 'COM¹.tar.gz', /device/],
    ['win32', 'lpt9 .mp4', /device/],
    ['win32', 'trailing. ', /dot or space/],
    ['win32', 'folder./clip.mp4', /dot or space/],
    ['win32', 'é'.repeat(256), /too long \(256 of at most 255 characters\)/],
  ])('refuses a path on %s: %j', (platform, path, fault) => {
    expect(pathFault(path, 0, platform)).toMatch(fault);
  });

  it('reserves room for the name of the file beside it', () => {
    const path = `clips/${'x'.repeat(250)}/`;
    expect([pathFault(path, 5, 'linux'), pathFault(path, 6, 'linux')]).toEqual([
      null,
      expect.stringMatching(/too long/),
    ]);
  });

  it.each<[NodeJS.Platform, string]>([
    ['linux', 'a?b: <c>|"*.mp4'],
    ['linux', 'CON/trailing. '],
    ['linux', `${'x'.repeat(251)}.mp4`],
    ['win32', 'C:\\clips\\boat.mp4'],
    ['win32', '\\\\server\\share\\boat.mp4'],
    ['win32', '..\\.\\console.mp4'],
    ['win32', 'é'.repeat(255)],
  ])('accepts a path on %s: %j', (platform, path) => {
    expect(pathFault(path, 0, platform)).toBeNull();
  });
});
