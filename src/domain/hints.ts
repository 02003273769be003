import { CATALOGUE, type CatalogueEntry, type ErrorCode } from './catalogue.ts';
import { commandAbout } from './shell.ts';

/** The facts of a case that hints are filled from; what is not known is null or left out. */
export type Facts = Readonly<Record<string, string | null | undefined>>;

/** A row's hints, filled from the facts of the case; `words` are the server's or the network's own. */
export function hintsFor(code: ErrorCode, facts: Facts = {}, words: string | null = null): string[] {
  const { cases = [], hints: usual }: CatalogueEntry = CATALOGUE[code];
  const hints = cases.find((special) => words !== null && special.words.test(words))?.hints ?? usual;
  return hints.flatMap((hint) => {
    const wordings = typeof hint === 'string' ? [hint] : hint;
    return wordings.map((wording) => fill(wording, facts)).find((filled) => filled !== null) ?? [];
  });
}

function fill(wording: string, facts: Facts): string | null {
  let complete = true;
  const filled = wording.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const fact = facts[name];
    if (fact === undefined || fact === null) complete = false;
    return name === 'id' ? hole : (fact ?? '');
  });
  return complete ? filled.replace(ABOUT_ID, (_, command, options) => inTicks(facts.id, command, options)) : null;
}

const ABOUT_ID = /`([^`]*) \{id\}([^`]*)`/g;

function inTicks(id: string | null | undefined, command: string, options: string): string {
  return `\`${commandAbout(id ?? '', command, options)}\``;
}
