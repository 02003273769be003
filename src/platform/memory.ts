/**
 * For work that takes hours or moves many bytes. By itself V8 lets the heap of a busy program grow: the old generation until
 * it holds four times the live data, the young one (where buffers wait to be freed) to 32 MB.
 *
 * The module is not imported, because loading it takes as long as a short command.
 */
export function preferSmallHeap(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--heap-growing-percent=100');
  setFlagsFromString('--semi-space-growth-factor=1');
}
