/** Tells the operator what the service does; facts are printed as JSON behind the message. */
export type Log = (level: 'info' | 'error', message: string, facts: Readonly<Record<string, unknown>>) => void;
