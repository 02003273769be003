import { CAPABILITIES, type Capability } from './capabilities.ts';
import { DIALECTS, type Dialect } from './dialect.ts';
import { SoraError } from './errors.ts';
import type { Variant } from './video.ts';

/** A server's known capabilities: its dialect, and what its profile declares missing. */
export interface ServerCapabilities {
  readonly profile: string;
  readonly dialect: Dialect;
  readonly lacks: ReadonlySet<Capability>;
  /** Whether it serves OpenAI’s models, so that their defaults apply. On any other server only what was asked for is sent. */
  readonly servesOpenAiModels: boolean;
  /** Whether an image can only be sent as a file or an address. */
  readonly takesNoUploads: boolean;
}

const FIELDS: Partial<Readonly<Record<Capability, string>>> = {
  thumbnail: 'no thumbnail',
  spritesheet: 'no spritesheet',
  characters: 'no characters',
};

/** Everything in a request that the server cannot do; the one gate for creates, batch rows and orders to `serve`. */
export function missingFor(
  {
    variants = [],
    characters = [],
  }: { variants?: readonly Variant[] | undefined; characters?: readonly string[] | undefined },
  server: ServerCapabilities,
): string[] {
  const { label, lacks } = DIALECTS[server.dialect];
  const wanted: Capability[] = [
    ...variants.filter((variant) => variant !== 'video'),
    ...(characters.length > 0 ? (['characters'] as const) : []),
  ];
  return wanted.flatMap((capability) => {
    if (lacks.includes(capability)) return [`${label} has ${FIELDS[capability]}`];
    return server.lacks.has(capability) ? [titleFor(capability, server)] : [];
  });
}

/** Throws `not_supported`, before any request, for what the server cannot do according to its profile. */
export function requireCapability(capability: Capability, server: Pick<ServerCapabilities, 'profile' | 'lacks'>): void {
  if (!server.lacks.has(capability)) return;
  throw new SoraError('not_supported', {
    title: titleFor(capability, server),
    hints: [`run \`sora config set profiles.${server.profile}.capabilities.${capability} yes\` if it can now`],
  });
}

function titleFor(capability: Capability, { profile }: Pick<ServerCapabilities, 'profile'>): string {
  return `the server of profile ${profile} cannot ${CAPABILITIES[capability]}, according to its settings`;
}
