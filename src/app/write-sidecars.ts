import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import type { RecordedRequest, SavedFile } from '../domain/record.ts';
import { redactUrl } from '../domain/redact.ts';
import { commandAbout } from '../domain/shell.ts';
import type { JobSummary } from '../domain/summary.ts';
import { sidecarPath } from '../jobs/destination.ts';
import { escapeMarks } from '../output/clean-text.ts';
import { jobJson } from '../output/job-view.ts';
import { createFile, hasCode, replaceFile } from '../platform/files.ts';
import { collect } from './collect.ts';
import type { Context } from './context.ts';
import type { FilePlan } from './save-files.ts';

/** Everybody who may see the video may see what it came from. */
const MODE = 0o644;

/**
 * Writes beside each saved video, where the plan asks for it, what it came from: request, server, ids, times, cost and
 * hashes; never a key. Several files of a job have one between them, beside the first. What could not be written is
 * returned: the video itself is saved.
 */
export async function writeSidecars(
  summaries: readonly JobSummary[],
  plan: Pick<FilePlan, 'sidecar' | 'force'> | null,
  context: Context,
): Promise<readonly SoraError[]> {
  if (plan === null || !plan.sidecar) return [];
  const { errors } = await collect(summaries, (summary) => writeSidecar(summary, plan.force, context));
  return errors;
}

async function writeSidecar(summary: JobSummary, force: boolean, context: Context): Promise<void> {
  const [first] = summary.files;
  if (first === undefined) return;
  const path = sidecarPath(first.path);
  const text = sidecarText(summary, context);
  try {
    if (force) return await replaceFile(path, text, MODE);
    if ((await createFile(path, text, MODE)) || tellsOf(first, path)) return;
  } catch (error) {
    if (error instanceof SoraError) throw error;
    throw cannotWrite(path, summary, error instanceof Error ? error.message : String(error));
  }
  throw cannotWrite(path, summary, 'a file of this name exists, and tells of another video');
}

function cannotWrite(path: string, { id }: JobSummary, causedBy: string): SoraError {
  return new SoraError('cannot_write', {
    title: `the video is saved, but ${path} could not be written`,
    causedBy,
    jobId: id,
    hints: [`run \`${commandAbout(id ?? '', 'sora download', ' --sidecar --force')}\` to write it`],
  });
}

/** Whether a file is the sidecar of this very video: another process, or an earlier run, was here first. */
function tellsOf({ sha256 }: SavedFile, path: string): boolean {
  try {
    const sidecar = parseJson(readFileSync(path, 'utf8'));
    const files = isJsonObject(sidecar) && Array.isArray(sidecar.files) ? sidecar.files : [];
    return files.some((file) => isJsonObject(file) && file.sha256 === sha256);
  } catch (error) {
    if (hasCode(error, 'EISDIR')) return false;
    throw error;
  }
}

function sidecarText(summary: JobSummary, { ledger, output, host }: Context): string {
  const record = summary.submission === null ? undefined : ledger.byKey(summary.submission);
  const { files: _, profile, ...job } = jobJson(summary);
  const sidecar = {
    sora: host.version,
    profile,
    base_url: record?.baseUrl ?? null,
    request: record ? shareable(record.request) : null,
    ...job,
    // Names, not places: the two files may be moved together.
    files: summary.files.map(({ path, ...file }) => ({ ...file, name: basename(path) })),
  };
  return `${escapeMarks(output.withoutSecrets(JSON.stringify(sidecar, null, 2)))}\n`;
}

/** The address of a reference image may be signed. */
function shareable({ image, ...request }: RecordedRequest): RecordedRequest {
  const url = image?.startsWith('url:') ? image.slice('url:'.length) : null;
  return { ...request, image: url === null ? image : `url:${redactUrl(url)}` };
}
