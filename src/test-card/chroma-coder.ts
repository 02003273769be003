import { ComponentCoder, NO_NEIGHBOUR } from './component-coder.ts';
import { dequantiseChromaDc, hadamard2x2, quantiseDc } from './transform.ts';

/** One chroma component of an intra macroblock with DC prediction (clause 8.3.4). */
export class ChromaCoder extends ComponentCoder {
  constructor(width: number, height: number) {
    super(width, height, 2);
  }

  /** Each 4x4 block has its own mean; those off the diagonal prefer the neighbour on their own side. */
  protected override predict(x: number, y: number): void {
    const aboveLeft = this.#sumAbove(x, y);
    const aboveRight = this.#sumAbove(x + 4, y);
    const leftTop = this.#sumLeft(x, y);
    const leftBottom = this.#sumLeft(x, y + 4);
    this.predictions[0] = meanOf(aboveLeft, leftTop);
    this.predictions[1] = meanOf(aboveRight ?? leftTop);
    this.predictions[2] = meanOf(leftBottom ?? aboveLeft);
    this.predictions[3] = meanOf(aboveRight, leftBottom);
  }

  /** Sum of the four samples right above the macroblock that starts in row `y`, if there are any. */
  #sumAbove(x: number, y: number): number | undefined {
    if (y === 0) return undefined;
    const { samples, width } = this.reconstruction;
    const offset = (y - 1) * width + x;
    let sum = 0;
    for (let i = 0; i < 4; i++) sum += samples[offset + i] ?? 0;
    return sum;
  }

  /** Sum of the four samples to the left of the macroblock that starts in column `x`, if there are any. */
  #sumLeft(x: number, y: number): number | undefined {
    if (x === 0) return undefined;
    const { samples, width } = this.reconstruction;
    const offset = y * width + x - 1;
    let sum = 0;
    for (let i = 0; i < 4; i++) sum += samples[offset + i * width] ?? 0;
    return sum;
  }

  protected override quantiseDcBlock(): void {
    hadamard2x2(this.dcCoefficients);
    for (let i = 0; i < this.dcLevels.length; i++) this.dcLevels[i] = quantiseDc(this.dcCoefficients[i] ?? 0);
  }

  protected override dequantiseDcBlock(): void {
    this.dcCoefficients.set(this.dcLevels);
    hadamard2x2(this.dcCoefficients);
    for (let i = 0; i < this.dcCoefficients.length; i++) {
      this.dcCoefficients[i] = dequantiseChromaDc(this.dcCoefficients[i] ?? 0);
    }
  }
}

/** Rounded mean of one or two sums of four samples. */
function meanOf(first: number | undefined, second?: number | undefined): number {
  if (first !== undefined && second !== undefined) return (first + second + 4) >> 3;
  const sum = first ?? second;
  return sum === undefined ? NO_NEIGHBOUR : (sum + 2) >> 2;
}
