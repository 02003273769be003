import { BitWriter } from './bit-writer.ts';
import { MACROBLOCK } from './picture.ts';
import { QP } from './transform.ts';

/** What the parameter sets declare: visible size in pixels, both even, and the constant frame rate. */
export interface VideoFormat {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
}

/**
 * Table A-1: level_idc (ten times the level), MaxMBPS (macroblocks per second) and MaxFS (macroblocks per frame). Levels
 * below 3 are left out: every decoder supports level 3, and a small, complex picture could exceed their low bit rates.
 */
const LEVELS = [
  [30, 40_500, 1_620],
  [31, 108_000, 3_600],
  [32, 216_000, 5_120],
  [40, 245_760, 8_192],
  [42, 522_240, 8_704],
  [50, 589_824, 22_080],
  [51, 983_040, 36_864],
  [52, 2_073_600, 36_864],
  [60, 4_177_920, 139_264],
] as const;

/** log2_max_frame_num: frame numbers wrap at 16. */
export const FRAME_NUMBER_BITS = 4;

const BASELINE_PROFILE = 66;
/** constraint_set0_flag and constraint_set1_flag, which turn Baseline into Constrained Baseline (A.2.1.1). */
const CONSTRAINED = 0b1100_0000;
const BT709 = 1;
const UNSPECIFIED_VIDEO_FORMAT = 5;
const SQUARE_PIXELS = 1;

/** The lowest level from 3 on that allows this size and frame rate. Throws a RangeError if there is none. */
export function levelFor(format: VideoFormat): number {
  const across = Math.ceil(format.width / MACROBLOCK);
  const down = Math.ceil(format.height / MACROBLOCK);
  const size = across * down;
  const level = LEVELS.find(
    ([, maxRate, maxFrameSize]) =>
      size <= maxFrameSize &&
      size * format.framesPerSecond <= maxRate &&
      // No side may be longer than the square root of 8 * MaxFS (A.3.1).
      Math.max(across, down) ** 2 <= 8 * maxFrameSize,
  );
  if (level === undefined) throw new RangeError(`no H.264 level allows ${format.width}x${format.height}`);
  return level[0];
}

/** seq_parameter_set_rbsp() (clause 7.3.2.1.1): Constrained Baseline, one reference frame, output in decoding order. */
export function sequenceParameterSet(format: VideoFormat): Uint8Array {
  const across = Math.ceil(format.width / MACROBLOCK);
  const down = Math.ceil(format.height / MACROBLOCK);
  const out = new BitWriter(64);
  out.bits(8, BASELINE_PROFILE);
  out.bits(8, CONSTRAINED);
  out.bits(8, levelFor(format));
  out.ue(0); // seq_parameter_set_id
  out.ue(FRAME_NUMBER_BITS - 4); // log2_max_frame_num_minus4
  out.ue(2); // pic_order_cnt_type: output order is decoding order
  out.ue(1); // max_num_ref_frames
  out.flag(false); // gaps_in_frame_num_value_allowed_flag
  out.ue(across - 1); // pic_width_in_mbs_minus1
  out.ue(down - 1); // pic_height_in_map_units_minus1
  out.flag(true); // frame_mbs_only_flag
  out.flag(true); // direct_8x8_inference_flag
  writeCropping(out, across * MACROBLOCK - format.width, down * MACROBLOCK - format.height);
  out.flag(true); // vui_parameters_present_flag
  writeVui(out, format);
  out.stop();
  return out.bytes();
}

/** Hides the padding to whole macroblocks. Offsets count chroma samples, so 4:2:0 can only crop even numbers of pixels. */
function writeCropping(out: BitWriter, right: number, bottom: number): void {
  const isCropped = right > 0 || bottom > 0;
  out.flag(isCropped); // frame_cropping_flag
  if (!isCropped) return;
  out.ue(0); // frame_crop_left_offset
  out.ue(right / 2); // frame_crop_right_offset
  out.ue(0); // frame_crop_top_offset
  out.ue(bottom / 2); // frame_crop_bottom_offset
}

/** vui_parameters() (clause E.1.1): square pixels, BT.709 limited range, constant frame rate, no reordering. */
function writeVui(out: BitWriter, format: VideoFormat): void {
  out.flag(true); // aspect_ratio_info_present_flag
  out.bits(8, SQUARE_PIXELS); // aspect_ratio_idc
  out.flag(false); // overscan_info_present_flag
  out.flag(true); // video_signal_type_present_flag
  out.bits(3, UNSPECIFIED_VIDEO_FORMAT);
  out.flag(false); // video_full_range_flag
  out.flag(true); // colour_description_present_flag
  out.bits(8, BT709); // colour_primaries
  out.bits(8, BT709); // transfer_characteristics
  out.bits(8, BT709); // matrix_coefficients
  out.flag(false); // chroma_loc_info_present_flag
  out.flag(true); // timing_info_present_flag
  writeU32(out, 1); // num_units_in_tick
  writeU32(out, format.framesPerSecond * 2); // time_scale: a tick is one field, half a frame
  out.flag(true); // fixed_frame_rate_flag
  out.flag(false); // nal_hrd_parameters_present_flag
  out.flag(false); // vcl_hrd_parameters_present_flag
  out.flag(false); // pic_struct_present_flag
  out.flag(true); // bitstream_restriction_flag
  out.flag(true); // motion_vectors_over_pic_boundaries_flag
  out.ue(0); // max_bytes_per_pic_denom: no limit
  out.ue(0); // max_bits_per_mb_denom: no limit
  out.ue(10); // log2_max_mv_length_horizontal
  out.ue(10); // log2_max_mv_length_vertical
  out.ue(0); // max_num_reorder_frames
  out.ue(1); // max_dec_frame_buffering
}

function writeU32(out: BitWriter, value: number): void {
  out.bits(16, value >>> 16);
  out.bits(16, value & 0xffff);
}

/** pic_parameter_set_rbsp() (clause 7.3.2.2): CAVLC, one slice group, deblocking under the slices' control. */
export function pictureParameterSet(): Uint8Array {
  const out = new BitWriter(16);
  out.ue(0); // pic_parameter_set_id
  out.ue(0); // seq_parameter_set_id
  out.flag(false); // entropy_coding_mode_flag: CAVLC
  out.flag(false); // bottom_field_pic_order_in_frame_present_flag
  out.ue(0); // num_slice_groups_minus1
  out.ue(0); // num_ref_idx_l0_default_active_minus1
  out.ue(0); // num_ref_idx_l1_default_active_minus1
  out.flag(false); // weighted_pred_flag
  out.bits(2, 0); // weighted_bipred_idc
  out.se(QP - 26); // pic_init_qp_minus26
  out.se(0); // pic_init_qs_minus26
  out.se(0); // chroma_qp_index_offset
  out.flag(true); // deblocking_filter_control_present_flag
  out.flag(false); // constrained_intra_pred_flag
  out.flag(false); // redundant_pic_cnt_present_flag
  out.stop();
  return out.bytes();
}
