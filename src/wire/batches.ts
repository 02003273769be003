import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { VideoJob } from '../domain/video.ts';
import { firstText, numberOf, objectOf, textOf, timeOf } from './fields.ts';
import { decodeStatus } from './job.ts';

/** A server-side batch. Everything but id and status may be missing. */
export interface ServedBatch
  extends Pick<VideoJob, 'id' | 'status' | 'serverStatus' | 'model' | 'createdAtMs' | 'expiresAtMs'> {
  readonly inputFileId: string | null;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly total: number | null;
  readonly completed: number | null;
  readonly failed: number | null;
  /** Why the file of requests was refused. */
  readonly problems: readonly string[];
}

/** Null if the body is not a batch. */
export function decodeBatch(value: JsonValue | undefined): ServedBatch | null {
  if (!isJsonObject(value)) return null;
  const id = firstText(value.id);
  if (id === null) return null;
  const counts = objectOf(value.request_counts);
  const { data } = objectOf(value.errors);
  const problems = (Array.isArray(data) ? data : []).flatMap((problem) => {
    const { line, message } = objectOf(problem);
    const at = numberOf(line);
    return [`${at === null ? '' : `line ${at}: `}${textOf(message) ?? 'no reason given'}`];
  });
  return {
    id,
    status: decodeStatus(textOf(value.status)),
    serverStatus: textOf(value.status),
    inputFileId: textOf(value.input_file_id),
    outputFileId: textOf(value.output_file_id),
    errorFileId: textOf(value.error_file_id),
    model: textOf(value.model),
    createdAtMs: timeOf(value.created_at),
    expiresAtMs: timeOf(value.expires_at),
    total: numberOf(counts.total),
    completed: numberOf(counts.completed),
    failed: numberOf(counts.failed),
    problems,
  };
}
