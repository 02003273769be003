/** What `launch.ts` loads for `bin/sora.js`: the program and the real world for it. */
export { runCli } from './main.ts';
export { Interrupt, nodeHost } from './platform/host.ts';
