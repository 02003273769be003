import { crc32 } from 'node:zlib';
import { DIALECT_NAMES } from '../domain/dialect.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import type { JobFacts, LedgerEvent, RecordedRequest, SavedFile, Submitter, WantedFiles } from '../domain/record.ts';
import { JOB_STATUSES, VARIANTS } from '../domain/video.ts';
import { TORN_MARK } from '../platform/journal.ts';
import { Fields, UnreadableField } from './ledger-fields.ts';

/** The content of a ledger line. Blank lines and events of newer versions are skipped. */
export type DecodedLine =
  | { readonly kind: 'event'; readonly event: LedgerEvent }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** A complete but unreadable line of the ledger. */
export interface LedgerProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;
}

const SHOWN_PROBLEMS = 3;

/** Lists the first few: a file that is not a ledger consists of problems only. */
export function describeProblems(problems: readonly LedgerProblem[]): string {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ line, reason }) => `line ${line}: ${reason}`);
  const others = problems.length - shown.length;
  return [...shown, ...(others > 0 ? [`and ${others} more lines`] : [])].join('; ');
}

const SKIPPED: DecodedLine = { kind: 'skipped' };

/** The end of a line, `,"crc":"0a1b2c3d"}`: CRC-32 of the text before it. */
const SEAL_LENGTH = 18;
const SEAL = /^,"crc":"([0-9a-f]{8})"\}$/;

export function encodeEvent(event: LedgerEvent): string {
  const body = JSON.stringify(event).slice(0, -1);
  return `${body},"crc":"${checksum(body)}"}`;
}

/** Lines of older versions have no checksum. */
export function decodeLine(text: string): DecodedLine {
  if (text.endsWith(TORN_MARK)) return decodeTorn(text.slice(0, -TORN_MARK.length));
  if (text === '' || /^[ \t\r]*$/.test(text)) return SKIPPED;
  const sealed = isSealed(text);
  if (sealed === false) return { kind: 'unreadable', reason: 'its checksum does not match' };
  return decodeBody(text, sealed === true);
}

/** Whether the checksum is correct; undefined without one. */
export function isSealed(text: string): boolean | undefined {
  const [, expected] = SEAL.exec(text.slice(-SEAL_LENGTH)) ?? [];
  return expected === undefined ? undefined : checksum(text.slice(0, -SEAL_LENGTH)) === expected;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/**
 * The rest of a line whose process was killed or whose disk was full. A line that is only missing its newline counts. For a
 * torn `sending` we assume that the create was sent. Any other torn line hides no create, because a create is sent after
 * the line is complete. Text that is not the start of a line is damage.
 */
function decodeTorn(rest: string): DecodedLine {
  for (const whole of [rest, rest.slice(0, -1)]) {
    const decoded = whole.endsWith('}') ? decodeLine(whole) : SKIPPED;
    if (decoded.kind === 'event') return decoded;
  }
  const [, key] = /^\{"event":"sending","key":"([^"]+)"/.exec(rest) ?? [];
  if (key !== undefined) return { kind: 'event', event: { event: 'sending', key, atMs: 0 } };
  const isBeginning = /^\{"event":"(?!sending)[^\u0000-\u001f\ufffd]*$/.test(rest) || LINE_START.startsWith(rest);
  return isBeginning ? SKIPPED : { kind: 'unreadable', reason: 'neither a complete line nor the start of one' };
}

const LINE_START = '{"event":"';

function decodeBody(text: string, isSealedLine: boolean): DecodedLine {
  const value = parseJson(text);
  if (!isJsonObject(value)) return { kind: 'unreadable', reason: 'not a JSON object' };
  try {
    const event = decodeEvent(new Fields(value));
    if (event !== undefined) return { kind: 'event', event };
    // Newer versions write checksums, so without one the name is damaged.
    return isSealedLine ? SKIPPED : { kind: 'unreadable', reason: '`event` is unknown, and the line has no checksum' };
  } catch (error) {
    if (error instanceof UnreadableField) return { kind: 'unreadable', reason: error.message };
    throw error;
  }
}

function decodeEvent(fields: Fields): LedgerEvent | undefined {
  const name = fields.text('event');
  switch (name) {
    case 'intent':
      return {
        event: name,
        ...decodeBase(fields),
        ...decodeSubmitter(fields),
        profile: fields.text('profile'),
        baseUrl: fields.text('baseUrl'),
        dialect: DIALECT_NAMES.find((known) => known === fields.orNull('text', 'dialect')),
        account: fields.orNull('text', 'account') ?? undefined,
        user: fields.orNull('text', 'user') ?? undefined,
        fingerprint: fields.text('fingerprint'),
        request: decodeRequest(fields.within('request')),
        estimatedMicros: fields.orNull('integer', 'estimatedMicros'),
        priceList: fields.orNull('text', 'priceList'),
        free: fields.flag('free'),
        batch: fields.orNull('text', 'batch'),
        row: fields.orNull('text', 'row'),
        owesFile: fields.orNull('flag', 'owesFile') ?? undefined,
        trial: fields.orNull('flag', 'trial') ?? undefined,
        wanted: decodeWanted(fields.orNull('within', 'wanted')),
      };
    case 'accepted':
    case 'seen':
      return { event: name, ...decodeBase(fields), job: decodeJob(fields.within('job')) };
    case 'rejected':
      return { event: name, ...decodeBase(fields), code: fields.text('code'), message: fields.text('message') };
    case 'unknown':
      return {
        event: name,
        ...decodeBase(fields),
        code: fields.orNull('text', 'code'),
        message: fields.text('message'),
      };
    case 'saved':
      return { event: name, ...decodeBase(fields), file: decodeFile(fields.within('file')) };
    case 'sending':
      return { event: name, ...decodeBase(fields), uptimeMs: fields.orNull('number', 'uptimeMs') ?? undefined };
    case 'held':
    case 'removed':
      return { event: name, ...decodeBase(fields) };
    default:
      return undefined;
  }
}

function decodeBase(fields: Fields): { key: string; atMs: number } {
  return { key: fields.text('key'), atMs: fields.timeMs('atMs') };
}

function decodeSubmitter(fields: Fields): Submitter {
  const pid = fields.integer('pid');
  const host = fields.orNull('text', 'host');
  return host === null
    ? { pid }
    : { pid, host, boot: fields.orNull('text', 'boot'), started: fields.orNull('text', 'started') };
}

function decodeWanted(fields: Fields | null): WantedFiles | undefined {
  if (fields === null) return undefined;
  return {
    kind: fields.oneOf('kind', ['file', 'folder', 'template']),
    path: fields.text('path'),
    variants: VARIANTS.filter((variant) => fields.texts('variants').includes(variant)),
    sidecar: fields.flag('sidecar'),
  };
}

function decodeRequest(fields: Fields): RecordedRequest {
  const frame = fields.orNull('within', 'frame');
  const references = fields.orNull('texts', 'references') ?? [];
  const source = fields.orNull('within', 'source');
  return {
    prompt: fields.text('prompt'),
    model: fields.orNull('text', 'model'),
    seconds: fields.orNull('number', 'seconds'),
    size: fields.orNull('text', 'size'),
    ...(frame && {
      frame: { resolution: frame.orNull('text', 'resolution'), aspectRatio: frame.orNull('text', 'aspectRatio') },
    }),
    quality: fields.orNull('text', 'quality'),
    image: fields.orNull('text', 'image'),
    ...(references.length > 0 ? { references } : {}),
    characters: fields.texts('characters'),
    params: fields.object('params'),
    ...(source && { source: { operation: source.text('operation'), video: source.text('video') } }),
  };
}

function decodeJob(fields: Fields): JobFacts {
  const error = fields.orNull('within', 'error');
  const [id, status] = [fields.text('id'), fields.text('status')];
  return {
    id,
    status: JOB_STATUSES.find((known) => known === status) ?? 'unknown', // one of a newer version
    serverStatus: fields.orNull('text', 'serverStatus'),
    model: fields.orNull('text', 'model'),
    seconds: fields.orNull('number', 'seconds'),
    size: fields.orNull('text', 'size'),
    createdAtMs: fields.orNull('timeMs', 'createdAtMs'),
    completedAtMs: fields.orNull('timeMs', 'completedAtMs'),
    expiresAtMs: fields.orNull('timeMs', 'expiresAtMs'),
    remixedFrom: fields.orNull('text', 'remixedFrom'),
    error: error && { code: error.orNull('text', 'code'), message: error.text('message') },
    actualMicros: fields.orNull('integer', 'actualMicros'),
    requestId: fields.orNull('text', 'requestId'),
  };
}

function decodeFile(fields: Fields): SavedFile {
  return {
    variant: fields.oneOf('variant', VARIANTS),
    path: fields.text('path'),
    bytes: fields.integer('bytes'),
    sha256: fields.text('sha256'),
  };
}
