import { requireCapability, type ServerCapabilities } from '../domain/request-gate.ts';
import type { VideoJob } from '../domain/video.ts';
import type { CreateOutcome, VideosClient } from './port.ts';

/** The server's names of models, by the names used here. */
export type ModelNames = Readonly<Record<string, string>>;

/** A client that refuses what its profile declares missing, and uses the server's names of models. */
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

export function serverModel(model: string, modelNames: ModelNames): string {
  return Object.hasOwn(modelNames, model) ? (modelNames[model] ?? model) : model;
}
