import { type Capability, lackOf } from '../domain/capabilities.ts';
import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import type { CreateOutcome, VideosClient } from './port.ts';

/** What a profile knows of its server, beside how it is reached. */
export interface ServerKnowledge {
  readonly profile: string;
  readonly lacks: ReadonlySet<Capability>;
  /** The server's own names of models, by those that are used here. */
  readonly modelNames: Readonly<Record<string, string>>;
}

/** Throws `not_supported` for what a server lacks by its profile's word; it is not asked. */
export function refuseLacking({ lacks, profile }: ServerKnowledge, capability: Capability): void {
  if (!lacks.has(capability)) return;
  const { title, hint } = lackOf(capability, profile);
  throw new SoraError('not_supported', { title, hints: [hint] });
}

/** A client that asks its server for nothing that it lacks, and calls models there by the server's own names. */
export function withKnowledge(client: VideosClient, knowledge: ServerKnowledge): VideosClient {
  const { modelNames } = knowledge;
  const ownNames = new Map(Object.entries(modelNames).map(([own, theirs]) => [theirs, own]));
  const named = (job: VideoJob): VideoJob => ({ ...job, model: job.model && (ownNames.get(job.model) ?? job.model) });
  const outcomeNamed = (outcome: CreateOutcome): CreateOutcome =>
    outcome.kind === 'accepted' ? { ...outcome, job: named(outcome.job) } : outcome;
  return {
    create: async (request, options) => {
      const model = request.model && serverModel(request.model, modelNames);
      return outcomeNamed(await client.create({ ...request, model }, options));
    },
    get: async (id, options) => named(await client.get(id, options)),
    list: async (query, options) => {
      refuseLacking(knowledge, 'list');
      const page = await client.list(query, options);
      return { ...page, jobs: page.jobs.map(named) };
    },
    remove: async (id, options) => {
      refuseLacking(knowledge, 'delete');
      return client.remove(id, options);
    },
    content: async (source, variant, options) => {
      if (variant !== 'video') refuseLacking(knowledge, variant);
      return client.content(source, variant, options);
    },
  };
}

/** What a server calls a model. */
export function serverModel(model: string, modelNames: ServerKnowledge['modelNames']): string {
  return Object.hasOwn(modelNames, model) ? (modelNames[model] ?? model) : model;
}
