/** One track of media samples, before it is placed in a file. */
export interface MediaTrack {
  /** Where it shows, in pixels; left out for sound. */
  readonly picture?: { readonly width: number; readonly height: number };
  /** Ticks a second of the durations below. */
  readonly timescale: number;
  readonly samples: readonly Uint8Array[];
  /** Ticks each sample lasts, but for the last, which lasts until the track's end. */
  readonly sampleDuration: number;
  /** Ticks the track lasts. */
  readonly duration: number;
  /** Numbers, from 1, of the samples that decoding can start from; left out where it can start from every one. */
  readonly syncSamples?: readonly number[];
  /** The sample description: what the samples are and how to decode them. */
  readonly sampleEntry: Uint8Array;
}

/** The samples grouped into chunks of one second, so that sound and picture lie close together in the file. */
export function chunksOf(track: MediaTrack): Uint8Array[][] {
  const chunks: Uint8Array[][] = [];
  for (const [i, sample] of track.samples.entries()) {
    const second = Math.trunc((i * track.sampleDuration) / track.timescale);
    const chunk = chunks[second];
    if (chunk === undefined) chunks[second] = [sample];
    else chunk.push(sample);
  }
  return chunks;
}
