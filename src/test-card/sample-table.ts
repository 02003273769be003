import { u32 } from './bytes.ts';
import { chunksOf, type MediaTrack } from './media-track.ts';
import { box, fullBox } from './mp4-box.ts';

/** 'stbl' (ISO/IEC 14496-12, 8.5): when each sample plays and where it lies. `chunkOffsets` are bytes into the file. */
export function sampleTable(track: MediaTrack, chunkOffsets: readonly number[]): Uint8Array {
  return box(
    'stbl',
    fullBox('stsd', 0, u32(1), track.sampleEntry),
    timeToSample(track),
    ...(track.syncSamples === undefined ? [] : [syncSamples(track.syncSamples)]),
    sampleToChunk(track),
    sampleSizes(track),
    fullBox('stco', 0, u32(chunkOffsets.length), u32(...chunkOffsets)),
  );
}

function timeToSample({ samples, sampleDuration, duration }: MediaTrack): Uint8Array {
  const whole = samples.length - 1;
  const lastDuration = duration - whole * sampleDuration;
  const runs =
    lastDuration === sampleDuration
      ? [[samples.length, sampleDuration]]
      : [
          [whole, sampleDuration],
          [1, lastDuration],
        ];
  const used = runs.filter(([count]) => count !== 0);
  return fullBox('stts', 0, u32(used.length), u32(...used.flat()));
}

function syncSamples(numbers: readonly number[]): Uint8Array {
  return fullBox('stss', 0, u32(numbers.length), u32(...numbers));
}

/** 'stsc': an entry wherever the number of samples in a chunk differs from the chunk before. */
function sampleToChunk(track: MediaTrack): Uint8Array {
  const SAMPLE_DESCRIPTION = 1;
  const entries: number[][] = [];
  let previousCount = 0;
  for (const [i, { length }] of chunksOf(track).entries()) {
    if (length !== previousCount) entries.push([i + 1, length, SAMPLE_DESCRIPTION]);
    previousCount = length;
  }
  return fullBox('stsc', 0, u32(entries.length), u32(...entries.flat()));
}

function sampleSizes({ samples }: MediaTrack): Uint8Array {
  const SIZES_DIFFER = 0;
  return fullBox('stsz', 0, u32(SIZES_DIFFER), u32(samples.length), u32(...samples.map(({ length }) => length)));
}
