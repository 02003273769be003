import { isJsonObject, parseJson } from '../domain/json.ts';
import { Journal } from '../platform/journal.ts';

/** A character, in the form of the API's reply and of the journal. */
export interface Character {
  readonly id: string;
  readonly name: string;
  /** Seconds since the epoch. */
  readonly created_at: number;
}

/** Characters in a journal file. They are few and rarely needed, so every lookup reads the file. */
export class CharacterStore {
  readonly #journal: Journal;

  constructor(path: string) {
    this.#journal = new Journal(path);
  }

  add(character: Character): Promise<void> {
    return this.#journal.append(JSON.stringify(character));
  }

  find(id: string): Character | undefined {
    for (const { text } of this.#journal.read()) {
      const value = parseJson(text);
      if (isJsonObject(value) && value.id === id) return value as unknown as Character; // written by this program
    }
    return undefined;
  }
}
