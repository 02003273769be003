/** The values of nal_unit_type that this encoder writes (Table 7-1). */
export const NAL_TYPE = { slice: 1, idrSlice: 5, sequenceParameters: 7, pictureParameters: 8 } as const;

type NalType = (typeof NAL_TYPE)[keyof typeof NAL_TYPE];

/** nal_ref_idc: every unit is a reference for later ones; any value but zero has the same meaning. */
const REFERENCE = 3;
const EMULATION_PREVENTION = 0x03;

/** A raw byte sequence payload as a NAL unit without start code (clause 7.3.1). */
export function nalUnit(type: NalType, payload: Uint8Array): Uint8Array {
  // Worst case: every two payload bytes are followed by one emulation prevention byte.
  const unit = new Uint8Array(1 + payload.length + (payload.length >> 1));
  unit[0] = (REFERENCE << 5) | type;
  let length = 1;
  let zeros = 0;
  for (let i = 0; i < payload.length; i++) {
    const byte = payload[i] ?? 0;
    // 00 00 00 to 00 00 03 would look like a start code or an escape (clause 7.4.1).
    if (zeros >= 2 && byte <= 3) {
      unit[length++] = EMULATION_PREVENTION;
      zeros = 0;
    }
    unit[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return unit.slice(0, length);
}
