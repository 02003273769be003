import { type Page, pageAfter } from '../domain/page.ts';
import { jsonReply, type ServerReply } from '../http-server/handler.ts';
import { type ApiError, invalidField, unsupportedValue } from './api-error.ts';
import type { JobQuery } from './job-store.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const ORDERS = ['asc', 'desc'] as const;

export function parseListQuery(parameters: URLSearchParams, maxLimit = MAX_LIMIT): JobQuery {
  const limit = parameters.get('limit') ?? String(DEFAULT_LIMIT);
  if (!/^\d{1,9}$/.test(limit) || Number(limit) > maxLimit) {
    const message = `Invalid 'limit': '${limit}'. Expected an integer from 0 to ${maxLimit}.`;
    throw invalidField('limit', 'invalid_value', message);
  }
  const order = parameters.get('order') ?? 'desc';
  const known = ORDERS.find((name) => name === order);
  if (!known) throw unsupportedValue('order', order, ORDERS);
  return { limit: Number(limit), order: known, after: parameters.get('after') };
}

/** A page of a list. */
export function listReply({ items, hasMore }: Page<{ readonly id: string }>): ServerReply {
  const [first_id, last_id] = [items.at(0)?.id ?? null, items.at(-1)?.id ?? null];
  return jsonReply({ object: 'list', data: items, first_id, last_id, has_more: hasMore });
}

/** The requested page of all items (newest first). Throws `unknown` for a cursor that is not among them. */
export function listPageReply(
  items: readonly { readonly id: string }[],
  query: JobQuery,
  unknown: (id: string) => ApiError,
): ServerReply {
  const page = pageAfter(query.order === 'asc' ? items.toReversed() : items, query);
  if (page === undefined) throw unknown(query.after ?? '');
  return listReply(page);
}
