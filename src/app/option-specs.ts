/** One option as data. `<value>` in the flags makes it a text, otherwise it is a switch. */
export interface OptionSpec {
  readonly flags: string;
  readonly summary: string;
  /** Heading in the help. */
  readonly group?: string;
  readonly choices?: readonly string[];
  /** May be given several times. */
  readonly repeatable?: true;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The type of what an option gives follows from its flags. */
type OptionValue<S extends OptionSpec> = S extends { readonly repeatable: true }
  ? readonly string[] | undefined
  : S['flags'] extends `${string}<${string}`
    ? string | undefined
    : boolean | undefined;

export type OptionValues<S extends OptionSpecs> = { readonly [K in keyof S]: OptionValue<S[K]> };
