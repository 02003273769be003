import { parseJson } from '../../domain/json.ts';
import type { RequestFormat } from '../../domain/request-format.ts';
import { decodeErrorBody } from '../../wire/error-body.ts';
import { decodeJob } from '../../wire/job.ts';
import type { ApiReply, ExaminedServer, ProbeBody } from './examined-server.ts';

/** `unknown`: it can only be seen with a job or a finished video. */
export type Ability = 'yes' | 'no' | 'unknown';

/** The format of creates that a server accepts, as far as its refusals show it. */
export interface FormatSurvey {
  readonly json: Ability;
  readonly multipart: Ability;
  readonly facts: Pick<Partial<RequestFormat>, 'seconds' | 'image'>;
  readonly notes: readonly string[];
}

const NOTHING: FormatSurvey = { json: 'unknown', multipart: 'unknown', facts: {}, notes: [] };
const IMAGE_URL = 'https://example.invalid/first-frame.png';

/** None has a prompt, so a server that checks creates refuses them. A field named in a refusal is one that it reads. */
const AS_TEXTS = json({ seconds: '4', input_reference: { image_url: IMAGE_URL } });
const AS_VALUES = json({ seconds: 4, input_reference: IMAGE_URL });
const AS_FORM: ProbeBody = {
  type: 'multipart/form-data; boundary=sora',
  text: '--sora\r\nContent-Disposition: form-data; name="seconds"\r\n\r\nx\r\n--sora--\r\n',
};

function json(fields: object): ProbeBody {
  return { type: 'application/json', text: JSON.stringify(fields) };
}

/** Sends creates that cannot succeed, one after the other, and stops at the first that is not refused. */
export async function surveyFormat(server: Pick<ExaminedServer, 'probe'>): Promise<FormatSurvey> {
  const replies: ApiReply[] = [];
  for (const body of [AS_TEXTS, AS_VALUES, AS_FORM]) {
    const reply = await server.probe('POST', '/videos', body);
    if (reply.status < 300) return { ...NOTHING, notes: await undo(reply, server) };
    replies.push(reply);
  }
  const [texts, values, form] = replies.map(refusalOf);
  if (texts === undefined || values === undefined || form === undefined) return NOTHING;
  return {
    json: abilityOf([texts, values], /content[- _]?type|form[- _]?data|media type/i),
    multipart: abilityOf([form], /content[- _]?type|media type|json/i),
    facts: {
      ...choice('seconds', ['text', texts], ['number', values]),
      ...choice('image', ['object', texts], ['text', values], 'input_reference'),
    },
    notes: [],
  };
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

function refusalOf({ status, body }: ApiReply): Refusal {
  return { status, words: status === 400 || status === 422 ? decodeErrorBody(body).message : '' };
}

function names({ words }: Refusal, field: string): boolean {
  return new RegExp(`\\b${field}\\b`).test(words);
}

function abilityOf(refusals: readonly Refusal[], unreadable: RegExp): Ability {
  if (refusals.some((refusal) => names(refusal, 'seconds') || names(refusal, 'input_reference'))) return 'yes';
  return refusals.every(({ status, words }) => status === 415 || unreadable.test(words)) ? 'no' : 'unknown';
}

/** Of two spellings of a field, the one that the server accepts; nothing if it treats both the same. */
function choice<N extends string, V extends string>(
  name: N,
  [first, firstRefusal]: readonly [V, Refusal],
  [second, secondRefusal]: readonly [V, Refusal],
  field: string = name,
): Partial<Record<N, V>> {
  const [refusesFirst, refusesSecond] = [names(firstRefusal, field), names(secondRefusal, field)];
  if (refusesFirst === refusesSecond) return {};
  return { [name]: refusesFirst ? second : first } as Partial<Record<N, V>>;
}

/** A server that checks nothing has created a job, which is deleted immediately. */
export async function undo({ body }: ApiReply, server: Pick<ExaminedServer, 'probe'>): Promise<string[]> {
  const job = decodeJob(parseJson(body), { requestId: null, pollAfterMs: null });
  const made = 'the server accepts a create without a prompt';
  if (job === null) return [made];
  const { status } = await server.probe('DELETE', `/videos/${encodeURIComponent(job.id)}`);
  return [`${made}: it created ${job.id}, which ${status < 300 ? 'was deleted at once' : 'could not be deleted'}`];
}
