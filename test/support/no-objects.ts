import type { ObjectStore } from '../../src/object-storage/object-store.ts';

const refuse = (): never => {
  throw new Error('there is no object storage here');
};

/** For code that only saves to the disk. */
export const NO_OBJECTS: ObjectStore = {
  spoolDir: '/nonexistent',
  check: refuse,
  find: refuse,
  put: refuse,
  read: refuse,
  remove: refuse,
  link: refuse,
};
