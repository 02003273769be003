import { LLMock } from '@copilotkit/aimock';
import { onTestFinished } from 'vitest';
import { startScriptedServer } from '../scripted-server.ts';
import { mp4, mp4Base64 } from './clips.ts';
import { openrouter } from './openrouter.ts';
import {
  ALL,
  ENDLESS_PROMPT,
  FAILING_PROMPT,
  type PlayedServer,
  REFUSED_PROMPT,
  type RunningServer,
} from './played-server.ts';

/** The unmodified test double of CopilotKit. Its jobs finish at once or never; its clips are on another host. */
export const aimock: PlayedServer = {
  name: 'aimock',
  section: 'aimock',
  settings: {},
  options: ['-m', 'sora-2', '-d', '4'],
  abilities: { ...ALL, list: 'ledger', cancel: 'cannot_cancel', remove: 'not_supported', thumbnail: 'not_supported' },
  extension: 'mp4',
  posts: 1,
  refusal: ['moderation_blocked', 'Your request was blocked by our moderation system.'],
  failure: ['job_failed', 'the server gave no reason'],
  unknownId: ['video_not_found', 'Video video_nope not found'],
  start: () => startMock('/v1'),
};

/** Its second API: that of OpenRouter. */
export const aimockOpenRouter: PlayedServer = {
  ...openrouter,
  name: 'aimock, as OpenRouter',
  section: null,
  // Its jobs always end by the second call, which a cancellation makes.
  abilities: { ...openrouter.abilities, cancel: 'already_finished' },
  refusal: aimock.refusal,
  failure: ['job_failed', 'Video generation failed'],
  start: () => startMock('/api/v1'),
};

async function startMock(basePath: string): Promise<RunningServer> {
  const clips = await startScriptedServer([mp4]);
  const mock = new LLMock();
  const url = `${clips.origin}/v.mp4`;
  const message = 'Your request was blocked by our moderation system.';
  mock.addFixture({
    match: { userMessage: REFUSED_PROMPT, endpoint: 'video' },
    response: { error: { message, type: 'invalid_request_error', code: 'moderation_blocked' }, status: 400 },
  });
  mock.onVideo(FAILING_PROMPT, { video: { id: 'video_failing', status: 'failed' } });
  mock.onVideo(ENDLESS_PROMPT, { video: { id: 'video_endless', status: 'processing' } });
  mock.onVideo(/.*/, { video: { id: 'video_mock', status: 'completed', url, b64: mp4Base64 } });
  const origin = await mock.start();
  onTestFinished(() => mock.stop());
  return {
    baseUrl: `${origin}${basePath}`,
    get requests() {
      return mock.getRequests().map(({ method, path, headers }) => ({ method, path, headers }));
    },
  };
}
