import { BitWriter } from './bit-writer.ts';
import { MacroblockCoder, type SliceKind } from './macroblock-coder.ts';
import { NAL_TYPE, nalUnit } from './nal.ts';
import { FRAME_NUMBER_BITS, pictureParameterSet, sequenceParameterSet, type VideoFormat } from './parameter-sets.ts';
import { copyPicture, createPicture, MACROBLOCK, type Picture, type Rect, updateSquare } from './picture.ts';

/** slice_type of slices in a picture whose slices all have the same type (Table 7-6). */
const SLICE_TYPE = { I: 7, P: 5 } as const;
const NO_DEBLOCKING = 1;

/**
 * A small H.264 encoder, Constrained Baseline, for pictures that change little: changed macroblocks are intra coded,
 * others skipped.
 */
export class H264Encoder {
  /** NAL units of the parameter sets, without start codes. */
  readonly sequenceParameters: Uint8Array;
  readonly pictureParameters: Uint8Array;

  readonly #columns: number;
  readonly #rows: number;
  readonly #macroblocks: MacroblockCoder;
  /** The source as it was when each macroblock was last coded. */
  readonly #coded: Picture;
  readonly #touched: Uint8Array;
  #frameNumber = 0;
  #idrPictures = 0;

  constructor(format: VideoFormat) {
    this.#coded = createPicture(format.width, format.height);
    this.#columns = this.#coded.luma.width / MACROBLOCK;
    this.#rows = this.#coded.luma.height / MACROBLOCK;
    this.#touched = new Uint8Array(this.#columns * this.#rows);
    this.#macroblocks = new MacroblockCoder(this.#coded);
    this.sequenceParameters = nalUnit(NAL_TYPE.sequenceParameters, sequenceParameterSet(format));
    this.pictureParameters = nalUnit(NAL_TYPE.pictureParameters, pictureParameterSet());
  }

  /** The planes of a decoder after the last encoded frame, padding included. */
  get reconstruction(): Pick<Picture, 'luma' | 'cb' | 'cr'> {
    return this.#macroblocks.reconstruction;
  }

  /** Encodes a whole picture, from which decoding can start. Returns its only NAL unit. */
  encodeKeyFrame(picture: Picture): Uint8Array {
    const out = new BitWriter(this.#touched.length * 16);
    this.#frameNumber = 0;
    copyPicture(picture, this.#coded);
    this.#macroblocks.startPicture();
    this.#writeSliceHeader(out, 'I');
    for (let address = 0; address < this.#touched.length; address++) this.#writeMacroblock(out, picture, address, 'I');
    out.stop();
    this.#idrPictures++;
    return nalUnit(NAL_TYPE.idrSlice, out.bytes());
  }

  /** Encodes the differences from the previous frame, which must be within `areas`. Returns the only NAL unit. */
  encodeChanges(picture: Picture, areas: readonly Rect[]): Uint8Array {
    const out = new BitWriter(4096);
    this.#frameNumber = (this.#frameNumber + 1) % (1 << FRAME_NUMBER_BITS);
    this.#macroblocks.startPicture();
    this.#writeSliceHeader(out, 'P');
    const touched = this.#markTouched(areas);
    let next = 0;
    for (let address = touched.indexOf(1); address !== -1; address = touched.indexOf(1, address + 1)) {
      if (!this.#updateSource(picture, address)) continue;
      out.ue(address - next); // mb_skip_run
      this.#writeMacroblock(out, picture, address, 'P');
      next = address + 1;
    }
    if (next < touched.length) out.ue(touched.length - next);
    out.stop();
    return nalUnit(NAL_TYPE.slice, out.bytes());
  }

  /** slice_header() (clause 7.3.3) of the only slice of a picture, with the fields that the parameter sets require. */
  #writeSliceHeader(out: BitWriter, kind: SliceKind): void {
    out.ue(0); // first_mb_in_slice
    out.ue(SLICE_TYPE[kind]); // slice_type
    out.ue(0); // pic_parameter_set_id
    out.bits(FRAME_NUMBER_BITS, this.#frameNumber); // frame_num
    if (kind === 'I') {
      out.ue(this.#idrPictures % 2); // idr_pic_id: differs between consecutive IDR pictures
      out.flag(false); // no_output_of_prior_pics_flag
      out.flag(false); // long_term_reference_flag
    } else {
      out.flag(false); // num_ref_idx_active_override_flag
      out.flag(false); // ref_pic_list_modification_flag_l0
      out.flag(false); // adaptive_ref_pic_marking_mode_flag
    }
    out.se(0); // slice_qp_delta
    out.ue(NO_DEBLOCKING); // disable_deblocking_filter_idc
  }

  #writeMacroblock(out: BitWriter, picture: Picture, address: number, kind: SliceKind): void {
    const column = address % this.#columns;
    const row = Math.trunc(address / this.#columns);
    this.#macroblocks.write(out, picture, column, row, kind);
  }

  /** One entry for each macroblock: 1 if it overlaps one of the areas. */
  #markTouched(areas: readonly Rect[]): Uint8Array {
    this.#touched.fill(0);
    for (const { x, y, width, height } of areas) {
      const firstColumn = Math.trunc(x / MACROBLOCK);
      const endColumn = Math.ceil((x + width) / MACROBLOCK);
      const endRow = Math.ceil((y + height) / MACROBLOCK);
      for (let row = Math.trunc(y / MACROBLOCK); row < endRow; row++) {
        this.#touched.fill(1, row * this.#columns + firstColumn, row * this.#columns + endColumn);
      }
    }
    return this.#touched;
  }

  /** Stores the source of one macroblock. Returns whether it differs from what was coded last. */
  #updateSource(picture: Picture, address: number): boolean {
    const column = address % this.#columns;
    const row = Math.trunc(address / this.#columns);
    const luma = updateSquare(picture.luma, this.#coded.luma, column, row, MACROBLOCK);
    const cb = updateSquare(picture.cb, this.#coded.cb, column, row, MACROBLOCK / 2);
    const cr = updateSquare(picture.cr, this.#coded.cr, column, row, MACROBLOCK / 2);
    return luma || cb || cr;
  }
}
