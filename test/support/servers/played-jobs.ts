import { ENDLESS_PROMPT, FAILING_PROMPT } from './played-server.ts';

export type Stage = 'queued' | 'running' | 'done' | 'failed';

export interface PlayedJob {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
  looks: number;
}

/** Jobs that advance one stage with every status call. */
export class PlayedJobs {
  readonly all: PlayedJob[] = [];

  add(id: string, fields: PlayedJob['fields']): PlayedJob {
    const job = { id, fields, looks: 0 };
    this.all.push(job);
    return job;
  }

  find(id: string): PlayedJob | undefined {
    return this.all.find((job) => job.id === id);
  }

  take(job: PlayedJob): PlayedJob {
    this.all.splice(this.all.indexOf(job), 1);
    return job;
  }

  /** The stage that a status call finds. */
  look(job: PlayedJob): Stage {
    job.looks++;
    return stageOf(job);
  }
}

export function stageOf({ fields, looks }: PlayedJob): Stage {
  if (looks === 0) return 'queued';
  if (looks === 1 || fields.prompt === ENDLESS_PROMPT) return 'running';
  return fields.prompt === FAILING_PROMPT ? 'failed' : 'done';
}
