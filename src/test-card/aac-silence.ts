/** The sound track of every clip: silent AAC-LC, stereo at 48 kHz. */

import { concat, u8, u16, u32, zeros } from './bytes.ts';
import { box, fullBox } from './mp4.ts';

export const AUDIO_SAMPLE_RATE = 48_000;
/** PCM samples in one AAC frame. */
export const AUDIO_FRAME_SAMPLES = 1024;

/**
 * One raw_data_block() of silence (ISO/IEC 14496-3, 4.4.2.1): a channel pair element with a common window and no coded
 * spectrum in either channel, then the end element.
 */
export const SILENT_FRAME = Uint8Array.of(0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c);

/** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1): 5 bits object type, 4 bits rate index, 4 bits channels, 3 bits zero. */
const AAC_LC = 2;
const RATE_INDEX_48_KHZ = 3;
const STEREO = 2;
const AUDIO_SPECIFIC_CONFIG = u16((AAC_LC << 11) | (RATE_INDEX_48_KHZ << 7) | (STEREO << 3));

/** Tags of the MPEG-4 descriptors (ISO/IEC 14496-1, table 1). */
const TAG = { elementaryStream: 3, decoderConfig: 4, decoderSpecificInfo: 5, syncLayerConfig: 6 } as const;
const AUDIO_ISO_14496_3 = 0x40;
/** streamType audio (5) in six bits, upStream 0, reserved 1. */
const AUDIO_STREAM = (5 << 2) | 1;
const PREDEFINED_FOR_MP4 = 2;
const BITS_PER_SECOND = Math.ceil((SILENT_FRAME.length * 8 * AUDIO_SAMPLE_RATE) / AUDIO_FRAME_SAMPLES);

/** Tag, length and contents. All descriptors here are short enough for a length of one byte. */
function descriptor(tag: number, ...contents: Uint8Array[]): Uint8Array {
  const body = concat(contents);
  return concat([u8(tag, body.length), body]);
}

/** The `mp4a` sample entry with its `esds` (ISO/IEC 14496-14, 5.6). */
export function aacSampleEntry(): Uint8Array {
  const decoderConfig = descriptor(
    TAG.decoderConfig,
    u8(AUDIO_ISO_14496_3, AUDIO_STREAM),
    zeros(3), // bufferSizeDB
    u32(BITS_PER_SECOND, BITS_PER_SECOND), // maxBitrate, avgBitrate
    descriptor(TAG.decoderSpecificInfo, AUDIO_SPECIFIC_CONFIG),
  );
  const elementaryStream = descriptor(
    TAG.elementaryStream,
    u16(0), // ES_ID: 0 inside an MP4 file
    u8(0), // no dependency, no URL, no OCR stream
    decoderConfig,
    descriptor(TAG.syncLayerConfig, u8(PREDEFINED_FOR_MP4)),
  );
  return box(
    'mp4a',
    zeros(6), // reserved
    u16(1), // data_reference_index
    zeros(8), // reserved
    u16(STEREO), // channelcount
    u16(16), // samplesize
    zeros(4), // reserved
    u32(AUDIO_SAMPLE_RATE * 0x10000), // samplerate, 16.16
    fullBox('esds', 0, elementaryStream),
  );
}
