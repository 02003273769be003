/**
 * Limits V8's heap for long work; otherwise the old generation grows to four times the live data.
 * `node:v8` is not imported, because loading it takes as long as a short command.
 */
export function preferSmallHeap(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--heap-growing-percent=100');
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** The smallest usable size of a young generation of 8 MB. */
const YOUNG_BYTES = 7 << 20;
const SURVIVOR_VALUES = 16_384;
/** Half of them are enough; where they are not, the young generation stays smaller. */
const MAX_SURVIVORS = 200;

/**
 * Enlarges the young generation to 8 MB: a smaller one is collected too early when many jobs run, and copies their
 * objects. Takes about 20 ms.
 */
export function enlargeYoungHeap(): void {
  const { setFlagsFromString, getHeapSpaceStatistics } = process.getBuiltinModule('node:v8');
  const isLarge = (): boolean =>
    getHeapSpaceStatistics().some(
      ({ space_name: name, space_used_size: usedBytes, space_available_size: freeBytes }) =>
        name === 'new_space' && usedBytes + freeBytes >= YOUNG_BYTES,
    );
  setFlagsFromString('--no-parallel-scavenge'); // its threads take a processor from the server, and longer than the work
  setFlagsFromString('--semi-space-growth-factor=2');
  const survivors: number[][] = [];
  while (!isLarge() && survivors.length < MAX_SURVIVORS) survivors.push(new Array(SURVIVOR_VALUES).fill(0));
  setFlagsFromString('--semi-space-growth-factor=1');
}
