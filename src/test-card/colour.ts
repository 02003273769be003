/** A colour as pictures store it: BT.709 luma and chroma, limited range. */

export interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Red, green and blue, each 0 to 1. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** BT.709-6, items 3.2 to 3.4: luma weights, colour-difference scales and the 8-bit limited range. */
export function yuvOf([red, green, blue]: Rgb): Yuv {
  const luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return {
    y: Math.round(16 + 219 * luma),
    u: Math.round(128 + (224 * (blue - luma)) / 1.8556),
    v: Math.round(128 + (224 * (red - luma)) / 1.5748),
  };
}

/** The inverse of `yuvOf` as one 0xRRGGBB integer, for stills. Out-of-gamut values are clipped. */
export function packedRgbOf(y: number, u: number, v: number): number {
  const luma = (y - 16) / 219;
  const red = luma + (1.5748 * (v - 128)) / 224;
  const blue = luma + (1.8556 * (u - 128)) / 224;
  const green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152;
  return (toByte(red) << 16) | (toByte(green) << 8) | toByte(blue);
}

function toByte(unit: number): number {
  return Math.round(Math.min(1, Math.max(0, unit)) * 255);
}

/** Hue in turns (any number), saturation and lightness 0 to 1. */
export function rgbOfHsl(hue: number, saturation: number, lightness: number): Rgb {
  const amplitude = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): number => {
    const k = (((offset + hue * 12) % 12) + 12) % 12;
    return lightness - amplitude * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [channel(0), channel(8), channel(4)];
}
