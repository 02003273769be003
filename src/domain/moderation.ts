/** Statuses about the call or the account, never about the content. */
const NOT_ABOUT_CONTENT: ReadonlySet<number> = new Set([401, 402, 404, 405, 407, 408]);

/** Words of moderation in codes, types and messages. Broad on purpose: a mistake only prevents a retry. */
const WORDS = [
  /moderat(ion|ed)/,
  /content[\s_-]?(polic|filter|safety|violation|not[\s_-]allowed|restrict)/,
  /(polic(y|ies)|guidelines?|terms)[\s_-]?(violation|breach)/,
  /violat\w*\b.{0,60}\b(polic|guideline|terms|rules)/,
  /safety[\s_-]?(system|filter|check|polic|violation|guideline|reason|block)|(blocked|rejected|refused)\b.{0,40}\bsafety/,
  /sentinel|guardrail|nsfw|unsafe|responsible[\s_-]?ai|\brai\b|\brai_|likeness|public figure|^safety$/,
  /(prohibited|disallowed|inappropriate|sensitive|explicit|harmful|adult|sexual)[\s_-]?(content|material|prompt|use)/,
  /(prompt|image|request|input|output|content)\b.{0,40}\b(flagged|inappropriate)/,
  /people[\s_-]in[\s_-]user[\s_-]uploads|third[\s_-]party[\s_-]content|copyright/,
];

export interface RefusalWords {
  /** HTTP; 0 for a job that was accepted and failed later. */
  readonly status: number;
  readonly code: string | null;
  readonly type: string | null;
  /** Empty if there is none. */
  readonly message: string;
}

/** Whether a refusal, or a job's failure, comes from moderation. A 5xx is never about content. */
export function isModeration({ status, code, type, message }: RefusalWords): boolean {
  if (status === 451) return true;
  if (NOT_ABOUT_CONTENT.has(status) || status >= 500) return false;
  const isAboutRate = status === 429; // in its message a rate limit may name what it limits
  const words = [code, type, isAboutRate ? '' : message].map((word) => spacedWords(word ?? '').toLowerCase());
  return WORDS.some((pattern) => words.some((word) => pattern.test(word)));
}

/** `contentFilter` as `content Filter`. */
function spacedWords(text: string): string {
  return text.slice(0, 2_000).replace(/([a-z])([A-Z])/g, '$1 $2');
}
