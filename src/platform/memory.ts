import { setFlagsFromString } from 'node:v8';

/**
 * For work that goes on for hours: garbage is collected before the heap grows, not after. Without it a run of 10,000
 * rows, of which 20 MB are in use, takes 200 MB. It costs a tenth more processor time.
 */
export function preferSmallHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}
