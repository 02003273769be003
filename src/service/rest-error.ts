import type { z } from '@hono/zod-openapi';
import { messageOf, SoraError } from '../domain/errors.ts';
import { jsonReply, type ServerReply } from '../http-server/handler.ts';
import type { Diagnosis } from './rest-job.ts';
import type { RestError } from './rest-schemas.ts';

/** The HTTP status for a code of the catalogue; 502 for all others, because the server behind this one failed. */
const STATUSES: Readonly<Record<string, number>> = {
  invalid_request: 400,
  reference_size_mismatch: 400,
  cost_cap_exceeded: 402,
  video_not_found: 404,
  cannot_cancel: 409,
  duplicate_request: 409,
  content_not_ready: 409,
  content_expired: 410,
  unexpected: 500,
  ledger_damaged: 503,
  ledger_unreachable: 503,
};

const LEDGER_CODES: ReadonlySet<string> = new Set(['ledger_damaged', 'ledger_unreachable']);

export function errorBody(
  code: string,
  message: string,
  details: { readonly violations?: readonly string[]; readonly hints?: readonly string[] } = {},
): z.infer<typeof RestError> {
  const { violations = [], hints = [] } = details;
  return { error: { code, message, violations: [...violations], hints: [...hints] } };
}

/** A refusal in the form of the REST service. */
export function refusalReply(
  status: number,
  code: string,
  message: string,
  headers: ServerReply['headers'] = {},
): ServerReply {
  return jsonReply(errorBody(code, message), headers, status);
}

/** Where the ledger is, and what is wrong with it, is not for clients. */
function forClients(error: SoraError): SoraError {
  if (!LEDGER_CODES.has(error.code)) return error;
  return new SoraError(error.code, { hints: ['ask the operator of this server'] });
}

/** `clean` removes secrets. */
export function errorResponse(error: SoraError, clean: (text: string) => string): Response {
  const { code, message, causedBy, violations, hints } = forClients(error);
  const text = causedBy === null ? message : `${message}: ${causedBy}`;
  const details = { violations: violations.map(clean), hints: hints.map(clean) };
  return Response.json(errorBody(code, clean(text), details), { status: STATUSES[code] ?? 502 });
}

/** Why a job failed; `clean` removes the secrets that are known. */
export function diagnosisOf(thrown: unknown, clean: (text: string) => string): Diagnosis {
  const error = thrown instanceof SoraError ? thrown : new SoraError('unexpected', { causedBy: messageOf(thrown) });
  const { code, message, causedBy, hints, requestId } = forClients(error);
  return { code, message: clean(message), causedBy: causedBy && clean(causedBy), hints: hints.map(clean), requestId };
}
