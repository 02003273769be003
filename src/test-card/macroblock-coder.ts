import type { BitWriter } from './bit-writer.ts';
import { CavlcWriter } from './cavlc.ts';
import { CHROMA_DC_CONTEXT } from './cavlc-tables.ts';
import { CHROMA, ComponentCoder, LUMA } from './component-coder.ts';
import type { Picture } from './picture.ts';

/** CodedBlockPatternChroma (Table 7-15). */
const CHROMA_PATTERN = { none: 0, dcOnly: 1, dcAndAc: 2 } as const;

/** mb_type of I_16x16_2_0_0 in an I slice (Table 7-11): Intra_16x16, DC prediction, nothing coded but luma DC. */
const INTRA_16X16_DC = 3;
/** In a P slice the intra types follow the five inter ones (Table 7-13). */
const INTRA_TYPES_IN_P_SLICE = 5;

export type SliceKind = 'I' | 'P';

/** Writes Intra_16x16 macroblocks with DC prediction, and keeps the picture that a decoder reconstructs from them. */
export class MacroblockCoder {
  readonly #luma: ComponentCoder;
  readonly #cb: ComponentCoder;
  readonly #cr: ComponentCoder;
  readonly #chroma: readonly ComponentCoder[];
  readonly #cavlc = new CavlcWriter();

  /** For pictures with planes of the same sizes, padding included. */
  constructor({ luma, cb, cr }: Picture) {
    this.#luma = new ComponentCoder(LUMA, luma);
    this.#cb = new ComponentCoder(CHROMA, cb);
    this.#cr = new ComponentCoder(CHROMA, cr);
    this.#chroma = [this.#cb, this.#cr];
  }

  /** The planes of a decoder, padding included. */
  get reconstruction(): Pick<Picture, 'luma' | 'cb' | 'cr'> {
    return { luma: this.#luma.reconstruction, cb: this.#cb.reconstruction, cr: this.#cr.reconstruction };
  }

  startPicture(): void {
    for (const component of [this.#luma, this.#cb, this.#cr]) component.startPicture();
  }

  /** macroblock_layer() (clause 7.3.5) of the macroblock in the given column and row. */
  write(out: BitWriter, source: Picture, column: number, row: number, slice: SliceKind): void {
    const luma = this.#luma;
    luma.code(source.luma, column, row);
    this.#cb.code(source.cb, column, row);
    this.#cr.code(source.cr, column, row);

    const codesLumaAc = luma.hasAc;
    const chromaPattern = this.#chromaPattern();
    const intraType = INTRA_16X16_DC + 4 * chromaPattern + (codesLumaAc ? 12 : 0);
    out.ue(slice === 'P' ? INTRA_TYPES_IN_P_SLICE + intraType : intraType); // mb_type
    out.ue(0); // intra_chroma_pred_mode: DC
    out.se(0); // mb_qp_delta

    this.#cavlc.writeBlock(out, luma.dcLevels, 0, 16, luma.contextOf(column, row, 0));
    if (codesLumaAc) this.#writeAc(out, luma, column, row);
    if (chromaPattern !== CHROMA_PATTERN.none) {
      for (const plane of this.#chroma) this.#cavlc.writeBlock(out, plane.dcLevels, 0, 4, CHROMA_DC_CONTEXT);
    }
    if (chromaPattern === CHROMA_PATTERN.dcAndAc) {
      for (const plane of this.#chroma) this.#writeAc(out, plane, column, row);
    }
  }

  #writeAc(out: BitWriter, component: ComponentCoder, column: number, row: number): void {
    for (const block of component.kind.blockOrder) {
      const nC = component.contextOf(column, row, block);
      const levels = this.#cavlc.writeBlock(out, component.acLevels, block * 16 + 1, 15, nC);
      component.recordCount(column, row, block, levels);
    }
  }

  #chromaPattern(): number {
    if (this.#chroma.some(({ hasAc }) => hasAc)) return CHROMA_PATTERN.dcAndAc;
    return this.#chroma.some(({ hasDc }) => hasDc) ? CHROMA_PATTERN.dcOnly : CHROMA_PATTERN.none;
  }
}
