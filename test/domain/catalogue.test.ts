import { describe, expect, it } from 'vitest';
import { ERROR_CODES, errorEntry } from '../../src/domain/catalogue.ts';
import { hintsFor } from '../../src/domain/hints.ts';
import { SIMULATOR_BASE_URL } from '../../src/domain/profile-names.ts';

/** The public list of codes: only ever added to. */
const EXIT_CODES = {
  1: [
    'rate_limit_exceeded',
    'endpoint_not_found',
    'service_retired',
    'video_not_found',
    'content_not_ready',
    'server_error',
    'unreadable_response',
    'dns_failure',
    'connection_failed',
    'tls_failure',
    'proxy_failure',
    'request_timeout',
    'outcome_unknown',
    'ledger_damaged',
    'ledger_unreachable',
    'duplicate_request',
    'cannot_cancel',
    'already_finished',
    'content_refused',
    'download_corrupt',
    'cannot_write',
    'cannot_listen',
    'not_supported',
    'unexpected',
  ],
  2: ['usage', 'invalid_request', 'invalid_config', 'invalid_manifest', 'file_exists', 'reference_size_mismatch'],
  4: ['no_api_key', 'invalid_api_key', 'permission_denied', 'organization_not_verified', 'model_not_found'],
  5: ['content_expired', 'moderation_blocked', 'job_failed'],
  7: ['insufficient_quota', 'billing_hard_limit_reached', 'cost_cap_exceeded'],
  8: ['wait_timeout'],
  130: ['interrupted'],
};

const VERBS = /^(add|ask|change|check|choose|free|include|raise|request|resize|run|set|sign in|try|use|verify|wait) /;

/** Every fact is known. */
const EVERYTHING = new Proxy({}, { get: () => 'known' });

const rows = ERROR_CODES.map((code) => [code, errorEntry(code)] as const);

describe('the catalogue', () => {
  it('has exactly the documented codes, each with its exit code', () => {
    const expected = Object.entries(EXIT_CODES).flatMap(([exitCode, codes]) =>
      codes.map((code) => [code, Number(exitCode)] as const),
    );
    expect(Object.fromEntries(rows.map(([code, { exitCode }]) => [code, exitCode]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  it.each(rows)('describes %s in a title and an explanation', (_, { title, explanation }) => {
    expect(title).toMatch(/^([a-z]|OpenAI)[^\n]*[^.\n]$/);
    expect(explanation).toMatch(/^[A-Z][^\n]*\.$/);
  });

  it.each(ERROR_CODES)('has a hint for %s, whatever is known about the case', (code) => {
    const [bare, full] = [hintsFor(code), hintsFor(code, EVERYTHING)];
    expect(bare.length).toBeGreaterThan(0);
    expect(full).toHaveLength(bare.length);
    const ofCases = errorEntry(code).cases.flatMap(({ hints }) => hints);
    const texts = ofCases.flatMap((hint) => (typeof hint === 'object' && 'hint' in hint ? hint.hint : hint));
    for (const hint of [...bare, ...full, ...texts]) {
      expect(hint).toMatch(VERBS);
      expect(hint).not.toMatch(/[{}[\]]|\.$/);
    }
  });
});

describe('hintsFor', () => {
  it.each([
    ['video_1', 'sora status video_1 --watch --simulate'],
    ["v'1 {target}", `sora status "v'1 {target}" --watch --simulate`],
    ["v'1 $HOME", `sora status 'v'\\''1 $HOME' --watch --simulate`],
    ['-rf', 'sora status --watch --simulate -- -rf'],
  ])('returns a command that can be pasted, for any id: %s', (id, command) => {
    expect(hintsFor('wait_timeout', { id, target: ' --simulate' })[0]).toContain(`\`${command}\``);
  });

  it.each([
    ['tls_failure', 'certificate has expired', 'check the clock'],
    ['tls_failure', 'Hostname/IP does not match certificate’s altnames: Host: localhost.', 'check the host name'],
    ['tls_failure', 'wrong version number', 'use `http://`'],
    ['tls_failure', 'tlsv13 alert certificate required', 'client certificate'],
    ['tls_failure', 'HTTP 400: an HTML page: 400 The plain HTTP request was sent to HTTPS port', 'use `https://`'],
    ['tls_failure', 'self-signed certificate', 'set `NODE_EXTRA_CA_CERTS`'],
    ['connection_failed', 'socket hang up', '`http://` or `https://`'],
    ['connection_failed', 'connect ECONNREFUSED 127.0.0.1:9', 'check that the server is running'],
    ['proxy_failure', 'Proxy response (407) !== 200 when HTTP Tunneling', 'user and password'],
    ['request_timeout', 'no answer for 4 s through the proxy', 'check the proxy'],
    ['unreadable_response', 'HTTP 200: an HTML page: Sign in', 'leads to a web page'],
    ['model_not_found', 'HTTP 404: the model has been deprecated', 'choose another model'],
    ['model_not_found', 'HTTP 404: The API deployment for this resource does not exist', 'your deployment'],
  ] as const)('chooses a hint for %s from the words %j', (code, words, expected) => {
    expect(hintsFor(code, {}, words)[0]).toContain(expected);
  });

  it('uses the first wording whose facts are all known', () => {
    expect(hintsFor('wait_timeout', { id: 'video_1', target: ' --simulate' })).toEqual([
      'run `sora status video_1 --watch --simulate` to keep waiting',
    ]);
    // The server chooses the id, and users paste the hint into a shell.
    expect(hintsFor('wait_timeout', { id: '$(rm -rf ~); x', target: '' })).toEqual([
      "run `sora status '$(rm -rf ~); x' --watch` to keep waiting",
    ]);
    expect(hintsFor('wait_timeout', { id: 'video_1', target: null })).toEqual([
      'run `sora status --watch` to keep waiting',
    ]);
  });

  it('leaves out a part in brackets whose fact is unknown', () => {
    expect(hintsFor('download_corrupt')).toEqual(['run `sora download` to try again']);
    expect(hintsFor('download_corrupt', { id: '-x' })).toEqual(['run `sora download -- -x` to try again']);
  });

  it('suggests the simulator, except where its own errors are reported', () => {
    expect(hintsFor('insufficient_quota', { base_url: 'http://127.0.0.1:8000/v1' }).join()).toContain('--simulate');
    expect(hintsFor('insufficient_quota', { base_url: SIMULATOR_BASE_URL }).join()).not.toContain('--simulate');
  });
});
