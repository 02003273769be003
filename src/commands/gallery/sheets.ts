import { join } from 'node:path';
import type { Context } from '../../app/context.ts';
import { summaryOf } from '../../app/known-jobs.ts';
import { SoraError } from '../../domain/errors.ts';
import type { JobRecord } from '../../domain/record.ts';
import type { JobSummary } from '../../domain/summary.ts';
import { countOf } from '../../domain/wording.ts';
import { checkDestination, checkFolder } from '../../jobs/destination.ts';
import { expandTemplate } from '../../jobs/name-template.ts';
import { shortCost } from '../../output/job-view.ts';
import { ProgramFailure } from '../../platform/run-program.ts';
import { FRAMES, framesOf } from './frames.ts';
import { encodePng } from './png.ts';
import { drawSheet, frameSize, type SheetRow } from './sheet.ts';

/** One contact sheet, and the ids on it. */
export interface WrittenSheet {
  readonly path: string;
  readonly jobs: readonly (string | null)[];
}

const NAME = 'sheet-{slug:40}-{id:8}.png';

type SheetDeps = Pick<Context, 'host' | 'ledger' | 'output'>;

interface Group {
  readonly path: string;
  readonly records: readonly JobRecord[];
}

/** Writes a contact sheet for each request that has a saved video: its variations, the oldest first. */
export async function writeSheets(
  records: readonly JobRecord[],
  { folder, force }: { readonly folder: string; readonly force: boolean },
  write: (path: string, bytes: Uint8Array) => Promise<void>,
  { host, ledger, output }: SheetDeps,
): Promise<readonly WrittenSheet[]> {
  const saved = records.filter((record) => summaryOf(record.profile, record, null).files.length > 0);
  const unsaved = records.length - saved.length;
  if (unsaved > 0) {
    const videos = countOf(unsaved, 'video is', 'videos are');
    output.note(`${videos} not on a sheet: no file is saved; \`sora download --all\` saves what is finished`);
  }
  checkFolder(folder);
  const groups = groupsOf(saved, folder);
  for (const { path } of groups) checkDestination({ kind: 'file', path }, ['video'], force);
  const sheets: WrittenSheet[] = [];
  for (const { path, records: variations } of groups) {
    const jobs = variations.map((record) => summaryOf(record.profile, record, null));
    const [first] = jobs;
    if (first === undefined) continue;
    const names = await ledger.shortIds(jobs.map(({ id, submission }) => id ?? submission ?? ''));
    const frame = frameSize(first.size);
    const rows: SheetRow[] = [];
    for (const [at, job] of jobs.entries()) {
      const frames = await framesOrNone(job, frame, { host, output });
      rows.push({ caption: [at + 1, names[at], dateOf(job), shortCost(job)].filter(Boolean).join(', '), frames });
    }
    if (rows.every(({ frames }) => frames.length === 0)) {
      output.note(`no sheet for ${names.join(', ')}: no picture can be read from the saved files`);
      continue;
    }
    const facts = [first.model, first.seconds && `${first.seconds} s`, first.size].filter(Boolean).join(', ');
    const title = output.secrets.redact(first.prompt ?? 'no prompt');
    await write(path, encodePng(drawSheet(title, facts, rows, frame)));
    sheets.push({ path, jobs: jobs.map(({ id }) => id) });
  }
  return sheets;
}

/** In the order of their newest videos; equal requests have equal fingerprints. */
function groupsOf(records: readonly JobRecord[], folder: string): readonly Group[] {
  const groups = new Map<string, JobRecord[]>();
  for (const record of records) groups.set(record.fingerprint, [record, ...(groups.get(record.fingerprint) ?? [])]);
  return [...groups.values()].map((variations) => {
    const newest = variations.at(-1);
    const named = { id: newest?.job?.id ?? newest?.key ?? '', prompt: newest?.request?.prompt ?? null };
    const { name } = expandTemplate(NAME, named, { variant: 'video', extension: 'png' });
    return { path: join(folder, name), records: variations };
  });
}

/** Rejects only if no file at all could be read, because ffmpeg is missing. */
async function framesOrNone(
  job: JobSummary,
  frame: ReturnType<typeof frameSize>,
  { host, output }: Pick<SheetDeps, 'host' | 'output'>,
): Promise<SheetRow['frames']> {
  try {
    return (await framesOf(job, frame, host)).slice(0, FRAMES);
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    if (!error.isMissing) {
      output.note(`no picture of ${job.id}: ${error.message}`);
      return [];
    }
    throw new SoraError('not_supported', {
      title: 'contact sheets need ffmpeg, which is not installed',
      hints: [
        'install ffmpeg, for example with `apt install ffmpeg` or `brew install ffmpeg`',
        'run `sora gallery` for a page, which does not need it',
      ],
    });
  }
}

function dateOf({ createdAtMs }: JobSummary): string {
  return createdAtMs === null ? '' : new Date(createdAtMs).toISOString().slice(0, 10);
}
