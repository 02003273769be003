import type { Dialect } from '../domain/dialect.ts';
import type { Clock } from '../platform/clock.ts';
import type { HttpReply } from '../platform/http.ts';

/** A reply of the API, read to its end. */
export interface ApiReply {
  readonly status: number;
  readonly headers: HttpReply['headers'];
  readonly body: string;
}

/** A body as it is sent, with its content type. */
export interface ProbeBody {
  readonly type: string;
  readonly text: string;
}

/** The start of a file. */
export interface FileReply {
  readonly status: number;
  readonly head: Uint8Array;
}

/** The server that is examined. */
export interface ExaminedServer {
  readonly profile: string;
  readonly baseUrl: string;
  /** Where the base URL was set, for example `OPENAI_BASE_URL`. */
  readonly baseUrlOrigin: string;
  readonly isSimulator: boolean;
  readonly dialect: Dialect;
  /** Where the dialect was chosen, for example `option --dialect`. */
  readonly dialectOrigin: string;
  /** Masked. */
  readonly key: {
    readonly masked: string;
    readonly origin: string;
    readonly fault: string | null;
    readonly doubt: string | null;
  } | null;
  readonly needsKey: boolean;
  /** As its profile declares. */
  readonly lacksList: boolean;
  /** Null if none is set: the server chooses, or refuses. */
  readonly model: string | null;
  /** The proxy that calls to it go through, its password left out. */
  readonly proxy: { readonly address: string; readonly fault: string | null } | null;
  /** Sends a GET to a path below the base URL, or to a whole URL, once for equal calls. Throws a `SoraError` without a reply. */
  get(pathOrUrl: string): Promise<ApiReply>;
  /** The same for any method, without the cache. */
  probe(method: string, pathOrUrl: string, body?: ProbeBody): Promise<ApiReply>;
  /** Opens a file and reads only enough to recognise its kind. */
  peek(path: string): Promise<FileReply>;
}

/** Everything that is examined. Parts that may be broken are functions, so that their checks can report the error. */
export interface Subject {
  readonly version: string;
  readonly nodeVersion: string;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  readonly paths: { readonly settings: string; readonly keys: string; readonly ledger: string };
  /** Throws `invalid_config`. */
  readSettings(): void;
  /** A description of the shared ledger once it has responded; null if there is none. */
  sharedLedger(): Promise<string | null>;
  /** Unreadable lines of the ledger's file; throws when it cannot be read at all. */
  ledgerProblems(): Promise<readonly { readonly line: number; readonly reason: string }[]>;
  /** Throws `invalid_config`, or the error of the chosen server. */
  server(): ExaminedServer;
}
