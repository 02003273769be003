import { mp4 } from './clips.ts';
import { OPENAI_MANNERS, videoOf } from './openai.ts';
import { stageOf } from './played-jobs.ts';
import { ALL, played, playing, REFUSED_PROMPT } from './played-server.ts';

/** SGLang Diffusion: JSON unless there is a file, content only when finished, a list without `has_more`. */
export const sglang = played({
  name: 'SGLang Diffusion',
  section: 'sglang',
  basePath: '/v1',
  settings: {},
  options: ['-m', 'Wan-AI/Wan2.1-T2V', '-d', '4'],
  abilities: { ...ALL, thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 1,
  refusal: ['invalid_request', 'the prompt is not allowed here'],
  failure: ['job_failed', 'CUDA out of memory'],
  unknownId: ['video_not_found', 'Video not found'],
  play: () =>
    playing('/v1/videos', {
      ...OPENAI_MANNERS,
      create({ isForm, hasFile, fields }, jobs) {
        if (isForm && !hasFile) return { status: 400, body: { detail: 'input_reference file is required' } };
        if (fields.prompt === REFUSED_PROMPT)
          return { status: 400, body: { detail: 'the prompt is not allowed here' } };
        const id = `0b6f0c1e-6f6a-4a52-8a53-${String(jobs.all.length).padStart(12, '0')}`;
        return { body: videoOf(jobs.add(id, fields), 'queued') };
      },
      list: (jobs) => ({ body: { object: 'list', data: jobs.all.map((job) => videoOf(job, jobs.look(job))) } }),
      look(job, stage) {
        const known = videoOf(job, stage === 'running' ? 'queued' : stage); // it has no `in_progress`
        return { body: { ...known, error: stage === 'failed' ? { message: 'CUDA out of memory' } : null } };
      },
      content: (job) =>
        stageOf(job) === 'done' ? mp4 : { status: 404, body: { detail: 'Generation is still in-progress' } },
      remove: (job) => ({ body: { ...videoOf(job, 'queued'), status: 'deleted' } }),
      unknown: () => ({ status: 404, body: { detail: 'Video not found' } }),
    }),
});
