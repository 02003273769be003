/** A model as its server lists it. Null: the server does not say. */
export interface ListedModel {
  readonly id: string;
  readonly name: string | null;
  /** The owner: servers of one kind put their own name here. */
  readonly owner: string | null;
  /** Supported lengths, ascending. */
  readonly seconds: readonly number[] | null;
  /** `WIDTHxHEIGHT` in pixels. */
  readonly sizes: readonly string[] | null;
  /** In lower case, such as `720p` and `4k`. */
  readonly resolutions: readonly string[] | null;
  readonly ratios: readonly string[] | null;
  /** The frames that an image can set: `first_frame`, `last_frame`. */
  readonly frames: readonly string[] | null;
  /** Whether a video has sound unless the request says otherwise. */
  readonly hasSound: boolean;
  /** The server's own price entries, dollars or cents by their names; null for an amount that cannot be read. */
  readonly skus: Readonly<Record<string, number | null>> | null;
}

export interface ModelList {
  /** The address it was read from. */
  readonly source: string;
  readonly listedAtMs: number;
  readonly models: readonly ListedModel[];
}

export const LIST_LIFETIME_MS = 24 * 60 * 60_000;

/** The same list with the profile's own names of models beside the server's. */
export function withAliases(list: ModelList, names: Readonly<Record<string, string>>): ModelList {
  const aliases = Object.entries(names).flatMap(([alias, name]) => {
    const model = findListed(list, name);
    return model === undefined ? [] : [{ ...model, id: alias }];
  });
  return { ...list, models: [...list.models, ...aliases] };
}

export function findListed(list: ModelList | null, id: string | null): ListedModel | undefined {
  return id === null ? undefined : list?.models.find((model) => model.id === id);
}
