import { CAPABILITIES, type Capability } from './capabilities.ts';
import { DIALECTS, type Dialect } from './dialect.ts';
import { SoraError } from './errors.ts';
import type { ModelList } from './listed-model.ts';
import { FIELD_OF_ROLE, type RequestFormat } from './request-format.ts';
import type { Reference, ReferenceImage, ReferenceRole, RequestSource, Variant } from './video.ts';

/** A server's known capabilities: its dialect, and what its profile declares missing. */
export interface ServerCapabilities {
  readonly profile: string;
  readonly dialect: Dialect;
  readonly missing: ReadonlySet<Capability>;
  /** Whether it serves OpenAI’s models, so that their defaults apply. On any other server only what was asked for is sent. */
  readonly servesOpenAiModels: boolean;
  readonly format: RequestFormat;
  /** What the server lists, where that is known. */
  readonly modelList?: ModelList | null;
}

/** What a dialect lacks, worded to follow “has no”. */
const FIELDS: Partial<Readonly<Record<Capability, string>>> = {
  thumbnail: 'thumbnail',
  spritesheet: 'spritesheet',
  characters: 'characters',
  remix: 'remixes',
  edit: 'edits',
  extend: 'extensions',
  batch: 'server-side batches',
};

/** The capability that an operation needs. */
export const CAPABILITY_OF = {
  remix: 'remix',
  edit: 'edit',
  extend: 'extend',
  character: 'characters',
  batch: 'batch',
} as const satisfies Readonly<Record<RequestSource['operation'], Capability>>;

/** Everything in a request that the server cannot do; the one gate for creates, batch rows and orders to `serve`. */
export function missingFor(
  {
    variants = [],
    characters = [],
    operation,
    image,
  }: {
    variants?: readonly Variant[] | undefined;
    characters?: readonly string[] | undefined;
    operation?: RequestSource['operation'] | undefined;
    image?: { readonly reference: ReferenceImage } | undefined;
  },
  server: ServerCapabilities,
): string[] {
  const { label, missing } = DIALECTS[server.dialect];
  const wanted: Capability[] = [
    ...variants.filter((variant) => variant !== 'video'),
    ...(characters.length > 0 ? (['characters'] as const) : []),
    ...(operation === undefined ? [] : [CAPABILITY_OF[operation]]),
    ...(image?.reference.kind === 'url' ? (['image_url'] as const) : []),
  ];
  return wanted.flatMap((capability) => {
    if (missing.includes(capability)) return [`${label} has no ${FIELDS[capability]}`];
    return server.missing.has(capability) ? [titleFor(capability, server)] : [];
  });
}

const ROLES: Readonly<Record<ReferenceRole, string>> = {
  last_frame: 'last frame',
  image: 'reference images beside the first frame',
  video: 'reference video',
  audio: 'reference audio',
};

/** The references that the server has no field for. */
export function missingReferences(references: readonly Reference[], server: ServerCapabilities): string[] {
  const { dialect, format } = server;
  const hasField = (role: ReferenceRole): boolean =>
    dialect === 'videos' ? format[FIELD_OF_ROLE[role]] !== null : DIALECTS[dialect].references.includes(role);
  const roles = new Set(references.map(({ role }) => role).filter((role) => !hasField(role)));
  return [...roles].map((role) => `${ownerOf(server)} accepts no ${ROLES[role]}`);
}

/** Why a webhook URL cannot be sent with a create. */
export function callbackFaults(url: string, server: ServerCapabilities): string[] {
  const { dialect, format } = server;
  const isAddress = /^https?:\/\//i.test(url) && URL.canParse(url);
  const isAccepted = dialect === 'videos' ? format.callbackField !== null : DIALECTS[dialect].takesCallback;
  return [
    ...(isAddress ? [] : [`\`--webhook ${url}\` is not an http or https URL`]),
    ...(isAccepted ? [] : [`${ownerOf(server)} accepts no webhook URL, according to its settings`]),
  ];
}

/** Whose limits apply: the server's in dialect `videos`, else those of the dialect. */
function ownerOf({ profile, dialect }: ServerCapabilities): string {
  return dialect === 'videos' ? `the server of profile ${profile}` : DIALECTS[dialect].label;
}

/** Throws `not_supported`, before any request, for what the server cannot do according to its profile. */
export function requireCapability(
  capability: Capability,
  server: Pick<ServerCapabilities, 'profile' | 'missing'>,
): void {
  if (!server.missing.has(capability)) return;
  throw new SoraError('not_supported', {
    title: titleFor(capability, server),
    hints: [`run \`sora config set profiles.${server.profile}.capabilities.${capability} yes\` if it can now`],
  });
}

function titleFor(capability: Capability, { profile }: Pick<ServerCapabilities, 'profile'>): string {
  return `the server of profile ${profile} cannot ${CAPABILITIES[capability]}, according to its settings`;
}
