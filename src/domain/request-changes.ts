import { requestedLength } from './record.ts';
import type { VideoJob, VideoRequest } from './video.ts';

/**
 * What a server changed in a request without being asked, one sentence each.
 * A field missing from the reply is not a change, nor is a model’s snapshot name, or its provider’s name before it.
 */
export function changesOf(request: VideoRequest, job: VideoJob): string[] {
  const change = (name: string, asked: string | null, given: string | null): string[] =>
    asked === null || given === null || asked === given
      ? []
      : [`the server changed the ${name}: ${given} instead of ${asked}`];
  const isSnapshot = request.model !== null && job.model !== null && bare(job.model).startsWith(bare(request.model));
  return [
    ...change('length', inSeconds(requestedLength(request)), inSeconds(job.seconds)),
    ...change('size', request.size, job.size),
    ...(isSnapshot ? [] : change('model', request.model, job.model)),
  ];
}

function bare(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1);
}

function inSeconds(seconds: number | null): string | null {
  return seconds === null ? null : `${seconds} s`;
}
