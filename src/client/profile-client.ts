import { requireCapability, type ServerCapabilities } from '../domain/request-gate.ts';
import type { VideoJob } from '../domain/video.ts';
import type { CreateOutcome, VideosClient } from './port.ts';

/** The server's own names of models, by those that are used here. */
export type ModelNames = Readonly<Record<string, string>>;

/** A client that does not ask for what its profile says is missing, and uses the server's own names of models. */
export function withProfile(client: VideosClient, server: ServerCapabilities, modelNames: ModelNames): VideosClient {
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
      requireCapability('list', server);
      const page = await client.list(query, options);
      return { ...page, jobs: page.jobs.map(named) };
    },
    remove: async (id, options) => {
      requireCapability('delete', server);
      return client.remove(id, options);
    },
    content: async (source, variant, options) => {
      if (variant !== 'video') requireCapability(variant, server);
      return client.content(source, variant, options);
    },
  };
}

/** What a server calls a model. */
export function serverModel(model: string, modelNames: ModelNames): string {
  return Object.hasOwn(modelNames, model) ? (modelNames[model] ?? model) : model;
}
