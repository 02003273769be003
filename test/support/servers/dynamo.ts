import type { ScriptedReply } from '../scripted-server.ts';
import { mp4Base64 } from './clips.ts';
import { ALL, type Call, FAILING_PROMPT, played, playing, REFUSED_PROMPT } from './played-server.ts';

const NO_ROUTE: ScriptedReply = { status: 404 };

/** NVIDIA Dynamo replies to a create with the video itself, and does not know the job later. Its JSON is strictly typed. */
export const dynamo = played({
  name: 'NVIDIA Dynamo',
  section: 'dynamo',
  basePath: '/v1',
  settings: { 'request.body': 'json', 'request.seconds': 'number', 'request.image': 'text' },
  options: ['-m', 'Wan-AI/Wan2.1-T2V', '-d', '4', '--size', '832x480'],
  abilities: {
    ...ALL,
    list: 'ledger',
    cancel: 'not_supported',
    remove: 'not_supported',
    look: 'not_supported',
    thumbnail: 'not_supported',
  },
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', 'the prompt is too odd'],
  failure: ['job_failed', 'out of memory'],
  unknownId: ['endpoint_not_found', 'HTTP 404 (empty body)'],
  play: () =>
    playing('/v1/videos', {
      create(call, jobs) {
        const { prompt, model } = call.fields;
        const misread = misreading(call);
        if (misread !== null) return misread;
        if (prompt === REFUSED_PROMPT) return { status: 400, body: { error: 'the prompt is too odd' } };
        const { id } = jobs.add(`cmpl-${jobs.all.length}`, call.fields);
        const shared = { id, object: 'video', model, created: 1_790_000_000, progress: 100 };
        return prompt === FAILING_PROMPT
          ? { body: { ...shared, status: 'failed', data: [], error: 'out of memory' } }
          : { body: { ...shared, status: 'completed', data: [{ url: null, b64_json: mp4Base64 }], error: null } };
      },
      unknown: () => NO_ROUTE,
      noRoute: () => NO_ROUTE,
    }),
});

function misreading({ isForm, fields }: Call): ScriptedReply | null {
  if (isForm) return { status: 415, body: 'Expected request with `Content-Type: application/json`' };
  const { seconds = 0, input_reference: reference = '' } = fields;
  const misread = (field: string): ScriptedReply => ({
    status: 422,
    body: `Failed to deserialize the JSON body into the target type: ${field}: invalid type`,
  });
  if (typeof seconds !== 'number') return misread('seconds');
  return typeof reference === 'string' ? null : misread('input_reference');
}
