import { expect, it } from 'vitest';
import { openerFor } from '../../src/platform/open-file.ts';

it.each<[NodeJS.Platform, Record<string, string>, string]>([
  ['darwin', {}, 'open /videos/a, b.mp4'],
  ['linux', { DISPLAY: ':0' }, 'xdg-open /videos/a, b.mp4'],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open /videos/a, b.mp4'],
  ['win32', {}, 'explorer.exe "/videos/a, b.mp4"'],
])('opens a file as one argument on %s with %j', (platform, env, line) => {
  const { command, args } = openerFor('/videos/a, b.mp4', platform, env);
  expect([command, ...args].join(' ')).toBe(line);
  expect(args).toHaveLength(1);
});

it('opens nothing without a display', () => {
  expect(() => openerFor('/videos/a.mp4', 'linux', { DISPLAY: '' })).toThrow('there is no display');
});
