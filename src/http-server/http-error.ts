export interface HttpErrorDetails {
  /** HTTP status. */
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused; the handler words the reply. */
export class HttpError<D extends HttpErrorDetails = HttpErrorDetails> extends Error {
  override readonly name: string = 'HttpError';
  readonly details: D;

  constructor(details: D) {
    super(details.message);
    this.details = details;
  }
}
