import { expect, it } from 'vitest';
import { isInForeground } from '../../src/platform/foreground.ts';

it.skipIf(process.platform === 'win32')(
  'a process that was stopped has been out of the foreground, until the next look',
  () => {
    const before = isInForeground();
    process.emit('SIGCONT');
    expect([isInForeground(), isInForeground()]).toEqual([false, before]);
  },
);
