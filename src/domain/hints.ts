import { type ErrorCode, errorEntry, type Hint } from './catalogue.ts';
import { CUSTOM_PROFILE, DEFAULT_PROFILE } from './profile-names.ts';
import { commandAbout } from './shell.ts';

/** The facts that fill in a hint's placeholders; unknown ones are null or left out. */
export type Facts = Readonly<Record<string, string | null | undefined>>;

/** The hints of an error code, filled in from the facts; `words` is the cause in the words of the server or network. */
export function hintsFor(code: ErrorCode, facts: Facts = {}, words: string | null = null): string[] {
  const { cases, hints } = errorEntry(code);
  const special = cases.find((candidate) => words !== null && candidate.words.test(words));
  return (special?.hints ?? hints).flatMap((hint) => wordingsOf(hint, facts).find((wording) => wording !== null) ?? []);
}

/** The wordings of a hint, filled in; null for one with an unknown fact. */
function wordingsOf(hint: Hint, facts: Facts): (string | null)[] {
  if (typeof hint === 'object' && 'exceptAt' in hint) return facts.base_url === hint.exceptAt ? [] : [hint.hint];
  return [hint].flat().map((wording) => fill(wording, facts));
}

function fill(wording: string, facts: Facts): string | null {
  const isKnown = (part: string): boolean =>
    [...part.matchAll(FACT)].every(([, name = '']) => (facts[name] ?? null) !== null);
  const whole = wording.replace(/\[([^\]]*)\]/g, (_, part: string) => (isKnown(part) ? part : ''));
  if (!isKnown(whole)) return null;
  return whole
    .replace(FACT, (hole, name: string) => (name === 'id' ? hole : (facts[name] ?? '')))
    .replace(ID_COMMAND, (_, command, options) => `\`${commandAbout(facts.id ?? '', command, options)}\``);
}

const FACT = /\{(\w+)\}/g;
const ID_COMMAND = /`([^`]*) \{id\}([^`]*)`/g;

/** Facts for hints: the profile to store a key for, and whether it ignores the environment's keys. */
export function keyFacts(profile: string | null): Facts {
  const storedFor = profile === CUSTOM_PROFILE ? null : profile;
  return { stored_for: storedFor, own_profile: storedFor === DEFAULT_PROFILE ? null : storedFor };
}
