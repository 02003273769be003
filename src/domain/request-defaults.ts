import type { RequestInput } from './request.ts';

type OptionTexts = Pick<
  RequestInput,
  'duration' | 'resolution' | 'aspectRatio' | 'orientation' | 'size' | 'quality' | 'params'
>;

/**
 * Fills in the profile's defaults (`duration`, `params.seed`, …). A given size discards the default resolution, ratio
 * and orientation, and each of those the default size. Ratio and orientation discard each other.
 */
export function withDefaults<T extends OptionTexts>(given: T, defaults: Readonly<Record<string, string>>): T {
  if (Object.keys(defaults).length === 0) return given;
  const { size, resolution, aspectRatio, orientation, params = [] } = given;
  const isSized = size !== undefined;
  const isWorded = resolution !== undefined || aspectRatio !== undefined || orientation !== undefined;
  const isTurned = aspectRatio !== undefined || orientation !== undefined;
  const names = new Set(params.map((param) => param.split('=')[0]));
  const ownParams = Object.entries(defaults).flatMap(([name, value]) => {
    const key = /^params\.(.+)$/.exec(name)?.[1];
    return key === undefined || names.has(key) ? [] : [`${key}=${value}`];
  });
  return {
    ...given,
    duration: given.duration ?? defaults.duration,
    quality: given.quality ?? defaults.quality,
    size: size ?? (isWorded ? undefined : defaults.size),
    resolution: resolution ?? (isSized ? undefined : defaults.resolution),
    aspectRatio: aspectRatio ?? (isSized || isTurned ? undefined : defaults.aspect_ratio),
    orientation: orientation ?? (isSized || isTurned ? undefined : defaults.orientation),
    params: [...ownParams, ...params],
  };
}
