import { nearestOf } from './request.ts';

/** The longest extension, unless the model has another limit. */
export const LONGEST_EXTENSION_SECONDS = 20;

/**
 * The seconds of each extension that leads from one length to another, as few as possible: of `choices`, which are
 * ascending, or of any length if they are null, none above `longest`. The last one ends as close to the target as possible.
 */
export function stepsTo(from: number, to: number, choices: readonly number[] | null, longest: number): number[] {
  const usable = choices?.filter((seconds) => seconds <= longest) ?? [];
  if (choices !== null && usable.length === 0) return [];
  const step = usable.at(-1) ?? longest;
  const steps: number[] = [];
  let left = to - from;
  for (; left >= step; left -= step) steps.push(step);
  const last = choices === null ? Math.round(left) : nearestOf([0, ...usable], left);
  return last > 0 ? [...steps, last] : steps;
}
