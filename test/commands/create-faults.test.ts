import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { FAULT_NAMES, type FaultName } from '../../src/simulator/faults.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { ODD_BODIES, REFUSALS } from '../support/refusals.ts';
import { startVideosServer } from '../support/videos-server.ts';

interface Expected {
  readonly code: number;
  /** The error code; null where the video is created anyway. */
  readonly error: string | null;
  readonly hint?: RegExp;
}

const OUTCOMES: Readonly<Record<FaultName, Expected>> = {
  invalid_value: { code: 1, error: 'invalid_request', hint: /--dry-run/ },
  reference_size_mismatch: { code: 1, error: 'reference_size_mismatch', hint: /resize the image to 1280x720/ },
  unknown_parameter: { code: 1, error: 'invalid_request', hint: /--dry-run/ },
  moderation_blocked_input: { code: 5, error: 'moderation_blocked', hint: /change the prompt or the image/ },
  billing_hard_limit_reached: { code: 7, error: 'billing_hard_limit_reached', hint: /platform\.openai\.com\/usage/ },
  invalid_api_key: { code: 4, error: 'invalid_api_key', hint: /sora config list/ },
  organization_not_verified: { code: 4, error: 'organization_not_verified', hint: /settings\/organization\/general/ },
  model_not_found: { code: 4, error: 'model_not_found', hint: /waitlist\/sora/ },
  model_deprecated: { code: 4, error: 'model_not_found', hint: /another model .* was retired/ },
  invalid_url: { code: 1, error: 'endpoint_not_found', hint: /ends in `\/v1`/ },
  rate_limit_exceeded: { code: 1, error: 'rate_limit_exceeded', hint: /wait 1 s/ },
  insufficient_quota: { code: 7, error: 'insufficient_quota', hint: /add credit/ },
  server_error: { code: 1, error: 'outcome_unknown', hint: /sora status sub_\w+/ },
  service_unavailable: { code: 1, error: 'outcome_unknown', hint: /sora status sub_\w+/ },
  moderation_blocked: { code: 5, error: 'moderation_blocked', hint: /change the prompt or the image/ },
  processing_error: { code: 5, error: 'job_failed', hint: /`sora create --from \S+ --simulate` to create it again/ },
  stuck: { code: 8, error: 'wait_timeout', hint: /sora status \w{6} --watch --simulate/ },
  slow: { code: 0, error: null },
  'create-dropped-after-accept': { code: 0, error: null },
  'reset-before-accept': { code: 1, error: 'connection_failed', hint: /run the command again/ },
  'poll-drop': { code: 0, error: null },
  'cut-download': { code: 0, error: null },
  'html-instead-of-json': { code: 1, error: 'outcome_unknown', hint: /sora status sub_\w+/ },
  'json-as-mp4': { code: 1, error: 'download_corrupt', hint: /sora download \w{6} --simulate/ },
};

interface ServerFailure extends Failure {
  readonly message: string;
  readonly caused_by?: string;
}

interface Failure {
  readonly code: string;
  readonly hints: readonly string[];
}

const NEEDS_CONTENT: ReadonlySet<string> = new Set(['cut-download', 'json-as-mp4']);

async function create(fault: FaultName, ...argv: readonly string[]): Promise<RunResult> {
  const save = NEEDS_CONTENT.has(fault) ? [] : ['--no-download'];
  const common = ['create', 'a paper boat', '--simulate', '--fault', fault, '--timeout', '30s', ...save];
  return createCommandLine().run([...common, ...argv]);
}

describe('sora create --simulate --fault', () => {
  it.each(FAULT_NAMES)('ends %s with its exit code, error and hint', async (fault) => {
    const { code, error, hint } = OUTCOMES[fault];
    const result = await create(fault, '--json');
    expect(result.code).toBe(code);
    if (error === null) {
      expect(result.json()).toMatchObject({ status: 'completed' });
      expect(result.stderr).toBe('');
      return;
    }
    const failure: { error: Failure } = JSON.parse(result.stderr);
    expect(failure.error.code).toBe(error);
    expect(failure.error.hints.join('\n')).toMatch(hint ?? /^/);
    expect(result.stdout).toBe('');
  });

  it.each(FAULT_NAMES)('prints every hint without --json too: %s', async (fault) => {
    const { code, hint } = OUTCOMES[fault];
    const result = await create(fault);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(hint ?? /completed/);
    expect(result.stderr).not.toContain('add `--simulate`');
    if (hint !== undefined) expect(result.stderr).toMatch(/^error: .+\n(?: {2}\w[\w ]*: .+\n)*\nhint: /m);
  });
});

describe('sora create, refused by the server', () => {
  const env = { SORA_API_KEY: 'sk-refused-0123456789' };
  const create = async (status: number, body: string | object): Promise<{ code: number; error: ServerFailure }> => {
    const server = await startVideosServer({ create: () => ({ status, body }) });
    const argv = ['create', 'a boat', '--detach', '--json', '--base-url', server.url];
    const { code, stderr } = await createCommandLine().run(argv, { env, http: nodeHttp });
    return { code, error: JSON.parse(stderr).error };
  };

  // Outside a batch, a moderation refusal exits like a failed job.
  it.each(REFUSALS)('names the cause of %d %j', async (status, error, doctorsCode, cause, remedy) => {
    const found = await create(status, { error });
    expect(found.code).toBe(cause === 'blocked by moderation' ? 5 : doctorsCode);
    expect(found.error.message).toContain(cause);
    expect(found.error.caused_by ?? '').toContain(Object.assign({ message: '' }, error).message);
    expect(found.error.hints.join('\n')).toMatch(remedy);
  });

  // After a 5xx the video may exist anyway.
  it.each(ODD_BODIES)('quotes %s', async (_, status, body, exitCode, words) => {
    const found = await create(status, body);
    expect(found.code).toBe(exitCode);
    expect(found.error.code === 'outcome_unknown').toBe(status >= 500);
    expect(found.error.caused_by).toMatch(words);
  });
});
