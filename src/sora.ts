/** What `launch.ts` loads for `bin/sora.js`: the program and its real host. */
export { runCli } from './main.ts';
export { Interrupt, nodeHost } from './platform/host.ts';
