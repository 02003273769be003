import { basename } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { forEach } from '../domain/outcomes.ts';
import type { RecordedRequest } from '../domain/record.ts';
import { redactUrl } from '../domain/redact.ts';
import { commandAbout } from '../domain/shell.ts';
import type { JobSummary } from '../domain/summary.ts';
import { sidecarPath } from '../jobs/destination.ts';
import { targetOf } from '../jobs/save-target.ts';
import { escapeMarks } from '../output/clean-text.ts';
import { jobJson } from '../output/job-view.ts';
import type { Context } from './context.ts';

export type SidecarDeps = Pick<Context, 'ledger' | 'output' | 'host' | 'objects'>;

/**
 * Writes a JSON file beside each saved video, if the plan asks for it: request, server, ids, times, cost and hashes, never
 * a key. The files of one job share a sidecar beside the first. Returns errors instead of throwing: the video is saved.
 */
export async function writeSidecars(
  summaries: readonly JobSummary[],
  { sidecar, force }: { readonly sidecar: boolean; readonly force: boolean },
  deps: SidecarDeps,
): Promise<readonly SoraError[]> {
  if (!sidecar) return [];
  return (await forEach(summaries, (summary) => writeSidecar(summary, force, deps))).errors;
}

async function writeSidecar(summary: JobSummary, force: boolean, deps: SidecarDeps): Promise<void> {
  const [first] = summary.files;
  if (first === undefined) return;
  const path = sidecarPath(first.path);
  const text = await sidecarText(summary, deps);
  try {
    if (await targetOf(path, deps.objects).writeSidecar(first, text, force)) return;
  } catch (error) {
    if (error instanceof SoraError) throw error;
    throw sidecarNotWritten(path, summary, messageOf(error));
  }
  throw sidecarNotWritten(path, summary, 'a file with this name exists and belongs to another video');
}

function sidecarNotWritten(path: string, { id }: JobSummary, causedBy: string): SoraError {
  return new SoraError('cannot_write', {
    title: `the video is saved, but ${path} could not be written`,
    causedBy,
    jobId: id,
    hints: [`run \`${commandAbout(id ?? '', 'sora download', ' --sidecar --force')}\` to write it`],
  });
}

async function sidecarText(summary: JobSummary, { ledger, output, host }: SidecarDeps): Promise<string> {
  const record = summary.submission === null ? undefined : await ledger.byKey(summary.submission);
  const { files: _, profile, ...job } = jobJson(summary);
  const sidecar = {
    sora: host.version,
    profile,
    base_url: record?.baseUrl ?? null,
    request: record ? shareable(record.request) : null,
    ...job,
    // Names without folders, so that the two files can be moved together.
    files: summary.files.map(({ path, link: _, ...file }) => ({ ...file, name: basename(path) })),
  };
  return `${escapeMarks(output.secrets.hide(JSON.stringify(sidecar, null, 2)))}\n`;
}

/** The address of a reference image may be signed. */
function shareable({ image, references, ...request }: RecordedRequest): RecordedRequest {
  const redacted = (text: string): string =>
    text.replace(/(^|:)url:(.*)$/s, (_, start, url) => `${start}url:${redactUrl(url)}`);
  return { ...request, image: image && redacted(image), ...(references && { references: references.map(redacted) }) };
}
