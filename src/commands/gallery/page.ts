import type { JobSummary } from '../../domain/summary.ts';
import { isTerminal } from '../../domain/video.ts';
import { countOf } from '../../domain/wording.ts';
import { cleanLine, cleanText } from '../../output/clean-text.ts';
import { costInWords } from '../../output/job-view.ts';
import { crypto } from '../../platform/crypto.ts';
import { GALLERY_STYLE } from './style.ts';

/** A job as the gallery shows it. */
export interface GalleryEntry {
  readonly job: JobSummary;
  readonly shortId: string;
  /** A picture as a data URL; null without one. */
  readonly poster: string | null;
  /** The address of the saved video, relative to the page; null if it is not saved. */
  readonly videoUrl: string | null;
  /** Whether browsers can play it in the page. */
  readonly isPlayable: boolean;
}

export interface GalleryOptions {
  readonly madeAtMs: number;
  /** What was searched for, in words; empty for everything. */
  readonly filter: string;
  /** Removes secrets from a text. */
  readonly redact: (text: string) => string;
}

/** A heading longer than this is cut; the whole prompt can be unfolded. */
const LONGEST_HEADING = 140;

/** The gallery as one HTML document, which needs no script and no network. */
export function renderGallery(entries: readonly GalleryEntry[], options: GalleryOptions): string {
  const safe = (text: string): string => escapeHtml(cleanText(options.redact(text)));
  // Videos are beside the page, so it has to allow files: browsers differ on whether 'self' includes them.
  const styleHash = crypto().createHash('sha256').update(GALLERY_STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; media-src 'self' file:; base-uri 'none'; form-action 'none'`;
  const anchors = new Map(entries.map(({ job }, at) => [job.id, `video-${at + 1}`]));
  const cards = entries.map((entry, at) => renderCard(entry, at + 1, anchors, safe));
  const count = countOf(entries.length, 'video');
  const about = [count, options.filter && safe(options.filter), `as of ${renderTime(options.madeAtMs)}`];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Videos – sora</title>
<style>${GALLERY_STYLE}</style>
</head>
<body>
<header>
<h1>Videos</h1>
<p>${about.filter(Boolean).join(' · ')}</p>
</header>
<main>
${cards.length === 0 ? '<p class="empty">No videos match.</p>' : `<ul class="cards">\n${cards.join('\n')}\n</ul>`}
</main>
</body>
</html>
`;
}

function renderCard(
  entry: GalleryEntry,
  number: number,
  anchors: ReadonlyMap<string | null, string>,
  safe: (text: string) => string,
): string {
  const { job, shortId } = entry;
  const prompt = job.prompt ?? '';
  const heading = cleanLine(prompt, LONGEST_HEADING) || 'No prompt';
  const isCut = heading !== cleanLine(prompt) && prompt !== '';
  const facts: readonly (readonly [name: string, html: string])[] = [
    ['Model', safe(job.model ?? '')],
    ['Length', job.seconds === null ? '' : `${job.seconds} s`],
    ['Size', safe((job.size ?? '').replace('x', ' × '))],
    ['Cost', costInWords(job)],
    ['Created', job.createdAtMs === null ? '' : renderTime(job.createdAtMs)],
    ['Made from', job.remixedFrom === null ? '' : renderOrigin(job.remixedFrom, anchors, safe)],
    ['Id', `<code>${safe(shortId)}</code>`],
  ];
  return `<li class="card" id="video-${number}">
${renderStage(entry, safe)}
<h2 dir="auto">${safe(heading)}</h2>
${isCut ? `<details><summary>Whole prompt</summary><p dir="auto">${safe(prompt)}</p></details>\n` : ''}<p class="state ${STATE_CLASSES[job.status] ?? 'other'}">${job.status.replace('_', ' ')}${renderFailure(job, safe)}</p>
<dl>
${facts.flatMap(([name, html]) => (html === '' ? [] : [`<div><dt>${name}</dt><dd>${html}</dd></div>`])).join('\n')}
</dl>
</li>`;
}

const STATE_CLASSES: Readonly<Partial<Record<JobSummary['status'], string>>> = {
  completed: 'good',
  queued: 'busy',
  in_progress: 'busy',
  failed: 'bad',
};

/** The video, its picture, or a plain tile with the reason why there is neither. */
function renderStage(
  { job, shortId, poster, videoUrl, isPlayable }: GalleryEntry,
  safe: (text: string) => string,
): string {
  const label = safe(cleanLine(job.prompt ?? shortId, LONGEST_HEADING));
  const link =
    videoUrl === null
      ? ''
      : `<a class="file" href="${escapeHtml(videoUrl)}">Open the file<span class="hidden">: ${label}</span></a>`;
  if (videoUrl !== null && isPlayable) {
    const picture = poster === null ? '' : ` poster="${poster}"`;
    const preload = poster === null ? 'metadata' : 'none'; // the browser shows a frame itself
    return `<video class="stage" controls playsinline preload="${preload}" src="${escapeHtml(videoUrl)}"${picture} aria-label="Video: ${label}"></video>\n${link}`;
  }
  if (poster !== null) return `<img class="stage" src="${poster}" alt="Thumbnail: ${label}">\n${link}`;
  const reason = isTerminal(job.status) ? 'no video' : 'not finished';
  const missing = videoUrl === null ? 'not saved here' : 'no preview';
  return `<p class="stage">${job.status === 'completed' ? missing : reason}</p>\n${link}`;
}

function renderOrigin(id: string, anchors: ReadonlyMap<string | null, string>, safe: (text: string) => string): string {
  const anchor = anchors.get(id);
  const name = `<code>${safe(cleanLine(id, 24))}</code>`;
  return anchor === undefined ? name : `<a href="#${anchor}">${name}</a>`;
}

function renderFailure({ error }: JobSummary, safe: (text: string) => string): string {
  const words = [error?.code, error?.message].filter(Boolean).join(': ');
  return words === '' ? '' : ` <span>${safe(cleanLine(words, 200))}</span>`;
}

/** To the minute; the exact time is in the attribute. */
function renderTime(timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
