export interface ApiErrorDetails {
  /** HTTP status. */
  readonly status: number;
  readonly message: string;
  /** `invalid_request_error` when left out. */
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal in the envelope of the Videos API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly details: ApiErrorDetails;

  constructor(details: ApiErrorDetails) {
    super(details.message);
    this.details = details;
  }
}
