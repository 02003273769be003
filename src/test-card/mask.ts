/** A shape to paint through: how much of each pixel it covers, 0 to 255, row by row. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly coverage: Uint8Array;
  /** The run of each row that is covered in full; empty where there is none. Convex shapes have one at most. */
  readonly solidRuns: readonly Run[];
}

/** From `start` up to, not including, `end`. */
interface Run {
  readonly start: number;
  readonly end: number;
}

export const FULL_COVERAGE = 255;

/** A disc with a smooth edge, its diameter in pixels. */
export function discMask(diameter: number): Mask {
  const coverage = new Uint8Array(diameter * diameter);
  const radius = diameter / 2;
  for (let y = 0; y < diameter; y++) {
    for (let x = 0; x < diameter; x++) {
      const inside = radius - Math.hypot(x + 0.5 - radius, y + 0.5 - radius) + 0.5;
      coverage[y * diameter + x] = Math.round(FULL_COVERAGE * Math.min(1, Math.max(0, inside)));
    }
  }
  const solidRuns = Array.from({ length: diameter }, (_, y) => {
    return solidRunOf(coverage.subarray(y * diameter, (y + 1) * diameter));
  });
  return { width: diameter, height: diameter, coverage, solidRuns };
}

function solidRunOf(row: Uint8Array): Run {
  const start = row.indexOf(FULL_COVERAGE);
  return start === -1 ? { start: 0, end: 0 } : { start, end: row.lastIndexOf(FULL_COVERAGE) + 1 };
}
