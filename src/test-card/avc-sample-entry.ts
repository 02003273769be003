import { concat, latin1, u8, u16, u32, zeros } from './bytes.ts';
import { box } from './mp4.ts';

/** The size in pixels, and the parameter sets as NAL units. */
interface AvcDescription {
  readonly width: number;
  readonly height: number;
  readonly sequenceParameters: Uint8Array;
  readonly pictureParameters: Uint8Array;
}

const DOTS_PER_INCH_72 = 0x0048_0000;
const DEPTH_24_BITS = 0x0018;
const NO_COLOUR_TABLE = 0xffff;
const BT709 = 1;

/** The `avc1` sample entry (ISO/IEC 14496-12, 12.1.3 and 14496-15, 5.4.2). */
export function avcSampleEntry(description: AvcDescription): Uint8Array {
  return box(
    'avc1',
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(16), // pre_defined, reserved
    u16(description.width, description.height),
    u32(DOTS_PER_INCH_72, DOTS_PER_INCH_72),
    zeros(4), // reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(DEPTH_24_BITS, NO_COLOUR_TABLE),
    decoderConfiguration(description),
    box('colr', latin1('nclx'), u16(BT709, BT709, BT709), u8(0)), // limited range
    box('pasp', u32(1, 1)), // square pixels
  );
}

/** `avcC` (14496-15, 5.3.3.1): the parameter sets, and that NAL units have lengths of four bytes. */
function decoderConfiguration({ sequenceParameters, pictureParameters }: AvcDescription): Uint8Array {
  const [, profile = 0, compatibility = 0, level = 0] = sequenceParameters;
  return box(
    'avcC',
    u8(1), // configurationVersion
    u8(profile, compatibility, level),
    u8(0xfc | 3), // reserved ones, lengthSizeMinusOne
    u8(0xe0 | 1), // reserved ones, numOfSequenceParameterSets
    u16(sequenceParameters.length),
    sequenceParameters,
    u8(1), // numOfPictureParameterSets
    u16(pictureParameters.length),
    pictureParameters,
  );
}

/** A sample of one NAL unit, preceded by its length. */
export function avcSample(nalUnit: Uint8Array): Uint8Array {
  return concat([u32(nalUnit.length), nalUnit]);
}
