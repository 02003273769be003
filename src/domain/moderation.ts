/** Statuses that say something about the call or the account, never about what the prompt shows. */
const NOT_ABOUT_CONTENT: ReadonlySet<number> = new Set([401, 402, 404, 405, 407, 408, 429]);

/**
 * The words in which servers say that moderation refused a request, wherever they put them: in a code, a type or a message.
 * It is broad on purpose: a refusal that is taken for moderation by mistake is not retried, and costs nothing.
 */
const WORDS = [
  /moderat(ion|ed)/,
  /content[\s_-]?(polic|filter|safety|violation|not[\s_-]allowed|restrict)/,
  /(polic(y|ies)|guidelines?|terms)[\s_-]?(violation|breach)/,
  /violat\w*\b.{0,60}\b(polic|guideline|terms|rules)/,
  /safety[\s_-]?(system|filter|check|polic|violation|guideline|reason|block)|(blocked|rejected|refused)\b.{0,40}\bsafety/,
  /sentinel|guardrail|nsfw|unsafe|responsible[\s_-]?ai/,
  /(prohibited|disallowed|inappropriate|sensitive|explicit|harmful|adult|sexual)[\s_-]?(content|material|prompt|use)/,
  /(prompt|image|request|input|output|content)\b.{0,40}\b(flagged|inappropriate)/,
  /people[\s_-]in[\s_-]user[\s_-]uploads|third[\s_-]party[\s_-]content|copyright/,
];

export interface RefusalWords {
  /** HTTP; 0 for a job that was accepted and failed later. */
  readonly status: number;
  readonly code: string | null;
  readonly type: string | null;
  readonly message: string;
}

/** Whether a refusal, or a job's failure, comes from moderation. A server in trouble (5xx) says nothing about content. */
export function isModeration({ status, code, type, message }: RefusalWords): boolean {
  if (status === 451) return true;
  if (NOT_ABOUT_CONTENT.has(status) || status >= 500) return false;
  const words = [code, type, message].map((word) => spacedWords(word ?? '').toLowerCase());
  return WORDS.some((pattern) => words.some((word) => pattern.test(word)));
}

/** `contentFilter` as `content Filter`. */
function spacedWords(text: string): string {
  return text.slice(0, 2_000).replace(/([a-z])([A-Z])/g, '$1 $2');
}
