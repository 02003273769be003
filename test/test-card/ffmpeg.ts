import { spawnSync } from 'node:child_process';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export const hasFfmpeg = ['ffmpeg', 'ffprobe'].every((tool) => spawnSync(tool, ['-version']).status === 0);

function run(tool: string, args: readonly string[], input: Uint8Array): { stdout: Buffer; stderr: string } {
  const { stdout, stderr } = spawnSync(tool, args, { input, maxBuffer: MAX_OUTPUT_BYTES });
  return { stdout, stderr: stderr.toString() };
}

/** What ffmpeg has to say about a file when it decodes all of it and every doubt is an error. */
export function complaintsAbout(file: Uint8Array): string {
  const strict = ['-v', 'warning', '-err_detect', 'explode', '-xerror'];
  return run('ffmpeg', [...strict, '-i', 'pipe:0', '-f', 'null', '-'], file).stderr;
}

/** Every frame of a file as raw bytes in the given pixel format, one after the other. */
export function decode(file: Uint8Array, pixelFormat: string): Uint8Array {
  const raw = ['-f', 'rawvideo', '-pix_fmt', pixelFormat, 'pipe:1'];
  return run('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...raw], file).stdout;
}

/** The ffprobe entries asked for, as `key=value` lines. */
export function probe(file: Uint8Array, entries: string): string[] {
  const { stdout } = run('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'default=nw=1', 'pipe:0'], file);
  return stdout.toString().trim().split('\n');
}
