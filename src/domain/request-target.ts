import { DIALECTS, type DialectRules } from './dialect.ts';
import { findListed, type ListedModel } from './listed-model.ts';
import { ASPECT_RATIOS, findModel, type ModelCapabilities, ORIENTATIONS, RESOLUTIONS } from './models.ts';
import { nearest } from './nearest.ts';
import type { ServerCapabilities } from './request-gate.ts';
import { inWords } from './wording.ts';

/** The server and model a request is resolved for, and what is found wrong or notable meanwhile. */
export interface RequestTarget {
  readonly server: ServerCapabilities;
  readonly rules: DialectRules;
  /** What is known about the model. */
  readonly known: ModelCapabilities | undefined;
  /** The same, if the request must stay within the model's limits. */
  readonly limits: ModelCapabilities | undefined;
  /** The model in the server's own list. */
  readonly listed: ListedModel | undefined;
  /** Whether length and frame have defaults; otherwise the server chooses what was not asked for. */
  readonly hasDefaults: boolean;
  readonly violations: string[];
  readonly notes: string[];
}

/** The limits of a model on a server; undefined where none are known. */
export function limitsOf(model: string | null, server: ServerCapabilities): ModelCapabilities | undefined {
  return requestTargetOf(model, server).limits;
}

export function requestTargetOf(model: string | null, server: ServerCapabilities): RequestTarget {
  const known = model === null ? undefined : findModel(model);
  const rules = DIALECTS[server.dialect];
  return {
    server,
    rules,
    known,
    limits: rules.enforcesModel ? known : undefined,
    listed: findListed(server.modelList ?? null, model),
    hasDefaults: server.servesOpenAiModels && known !== undefined,
    violations: [],
    notes: [],
  };
}

export function oneOf<T extends string>(
  choices: readonly T[],
  name: string,
  text: string | undefined,
  { violations }: RequestTarget,
): T | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  const [near] = nearest(text, choices);
  const better = near === undefined ? rightOptionFor(text) : `; did you mean \`${near}\`?`;
  violations.push(`the ${name} \`${text}\` is not one of ${inWords(choices)}${better}`);
  return undefined;
}

export const PIXELS = /^[1-9]\d{0,4}x[1-9]\d{0,4}$/;

/** The option that takes a value which was given to another option, as the end of a sentence. */
export function rightOptionFor(text: string): string {
  const orientation = { vertical: 'portrait', horizontal: 'landscape' }[text] ?? text;
  if (PIXELS.test(text)) return `; use \`--size ${text}\``;
  if (ASPECT_RATIOS.some((ratio) => ratio === text)) return `; use \`--aspect-ratio ${text}\``;
  if (RESOLUTIONS.some((name) => name === text)) return `; use \`--resolution ${text}\``;
  return ORIENTATIONS.some((name) => name === orientation) ? `; use \`--orientation ${orientation}\`` : '';
}
