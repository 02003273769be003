import { ComponentCoder, NO_NEIGHBOUR } from './component-coder.ts';
import { MACROBLOCK } from './picture.ts';
import { dequantiseLumaDc, hadamard4x4, quantiseDc, ZIGZAG_4X4 } from './transform.ts';

/** Luma of an Intra_16x16 macroblock with DC prediction (clause 8.3.3.3). */
export class LumaCoder extends ComponentCoder {
  constructor(width: number, height: number) {
    super(width, height, 4);
  }

  /** One value for the whole macroblock: the mean of the row above and the column to the left. */
  protected override predict(x: number, y: number): void {
    const { samples, width } = this.reconstruction;
    const offset = y * width + x;
    let sum = 0;
    let neighbours = 0;
    if (y > 0) {
      for (let i = 0; i < MACROBLOCK; i++) sum += samples[offset - width + i] ?? 0;
      neighbours += MACROBLOCK;
    }
    if (x > 0) {
      for (let i = 0; i < MACROBLOCK; i++) sum += samples[offset + i * width - 1] ?? 0;
      neighbours += MACROBLOCK;
    }
    this.predictions.fill(neighbours === 0 ? NO_NEIGHBOUR : Math.trunc((sum + neighbours / 2) / neighbours));
  }

  protected override quantiseDcBlock(): void {
    hadamard4x4(this.dcCoefficients);
    for (let i = 0; i < this.dcLevels.length; i++) {
      const coefficient = this.dcCoefficients[ZIGZAG_4X4[i] ?? 0] ?? 0;
      // Halved, as the forward transform of a DC block is defined; quantiseDc expects that scale.
      this.dcLevels[i] = quantiseDc((coefficient + 1) >> 1);
    }
  }

  protected override dequantiseDcBlock(): void {
    for (let i = 0; i < this.dcLevels.length; i++) {
      this.dcCoefficients[ZIGZAG_4X4[i] ?? 0] = this.dcLevels[i] ?? 0;
    }
    hadamard4x4(this.dcCoefficients);
    for (let i = 0; i < this.dcCoefficients.length; i++) {
      this.dcCoefficients[i] = dequantiseLumaDc(this.dcCoefficients[i] ?? 0);
    }
  }
}
