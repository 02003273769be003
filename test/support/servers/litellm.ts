import type { ScriptedReply } from '../scripted-server.ts';
import { mp4 } from './clips.ts';
import { videoOf } from './openai.ts';
import type { PlayedJob, Stage } from './played-jobs.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** LiteLLM’s envelope: the code is a number as a string, and unknown values are `None`. */
function refused(status: number, message: string): ScriptedReply {
  return { status, body: { error: { message, type: 'None', param: 'None', code: String(status) } } };
}

/** A list without a provider, which the proxy derives from the model name. */
const NO_PROVIDER =
  'litellm.BadRequestError: LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=';

/** A list with a provider, which goes to that provider’s own URL, whatever the `api_base` of the models. */
const NOT_ITS_PLACE =
  'litellm.InternalServerError: InternalServerError: OpenAIException - Cannot connect to host api.openai.com:443';

/** The model is an alias of the proxy; jobs contain the provider’s name. */
const ofProvider = (job: PlayedJob, stage: Stage): object => ({ ...videoOf(job, stage), model: 'sora-2' });

/** Ids encode what the proxy must remember, in standard base64. */
function idOf(count: number): string {
  const facts = `litellm:custom_llm_provider:openai;model_id:?>${'~'.repeat(64)};video_id:video_${count}`;
  return Buffer.from(facts).toString('base64').padEnd(160, '+/=');
}

const ODD = 'litellm.BadRequestError: the prompt is not to its taste';

export const litellm = played({
  name: 'LiteLLM proxy',
  section: 'litellm',
  basePath: '/v1',
  settings: { 'capabilities.list': 'no' },
  options: ['-m', 'video-model', '-d', '4', '--size', '1280x720'],
  abilities: { ...ALL, list: 'ledger', cancel: 'cannot_cancel', remove: 'not_supported', thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', ODD],
  failure: ['job_failed', 'processing_error'],
  unknownId: ['video_not_found', 'Video not found'],
  play: () =>
    playing('/v1/videos', {
      create: ({ fields }, jobs) =>
        fields.prompt === REFUSED_PROMPT
          ? refused(400, ODD)
          : { body: { ...ofProvider(jobs.add(idOf(jobs.all.length), fields), 'queued'), status: 'processing' } },
      list: (_, { query }) =>
        query.has('custom_llm_provider') ? refused(500, NOT_ITS_PLACE) : refused(400, NO_PROVIDER),
      look: (job, stage) => ({
        body: { ...ofProvider(job, stage), ...(stage === 'running' ? { status: 'processing', progress: null } : {}) },
      }),
      content: () => mp4, // for every variant
      unknown: () => refused(404, 'Video not found'),
      noRoute: () => ({ status: 405, body: { detail: 'Method Not Allowed' } }),
    }),
});
