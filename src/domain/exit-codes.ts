/** What the exit codes of `sora` mean; they are a public interface. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done'],
  ['1', 'failed: server, network, file system, or unexpected'],
  ['2', 'wrong usage, request, manifest or settings; nothing was sent'],
  ['4', 'no key, key rejected, organisation not verified, or no access to the model'],
  ['5', 'the job failed, was blocked by moderation, was cancelled or expired'],
  ['6', 'some rows of a batch failed or have an unknown outcome'],
  ['7', 'out of quota, billing limit, over a cap, or not approved'],
  ['8', 'still running when the wait ended; the job continues'],
  ['129, 130, 143', 'hung up, interrupted, terminated'],
];
