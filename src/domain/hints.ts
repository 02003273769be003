import { CATALOGUE, type CatalogueEntry, type ErrorCode } from './catalogue.ts';
import { commandAbout } from './shell.ts';

/** The facts that fill in a hint's placeholders; unknown ones are null or left out. */
export type Facts = Readonly<Record<string, string | null | undefined>>;

/** The hints of an error code, filled in from the facts; `words` is the cause in the words of the server or network. */
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
  return complete
    ? filled.replace(ID_COMMAND, (_, command, options) => quotedCommand(facts.id, command, options))
    : null;
}

const ID_COMMAND = /`([^`]*) \{id\}([^`]*)`/g;

function quotedCommand(id: string | null | undefined, command: string, options: string): string {
  return `\`${commandAbout(id ?? '', command, options)}\``;
}
