/** Writes to the operator's log; facts are printed as JSON after the message. */
export type Log = (level: 'info' | 'error', message: string, facts: Readonly<Record<string, unknown>>) => void;
