import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { LIST_LIFETIME_MS, type ModelList } from '../domain/listed-model.ts';
import { crypto } from '../platform/crypto.ts';
import { replaceFile } from '../platform/files.ts';
import { decodeModels } from '../wire/models.ts';

const MAX_BYTES = 8_000_000;

/** The list that was kept for an address, if it is less than a day old; null for anything else in its file. */
export function readModelList(folder: string, source: string, nowMs: number): ModelList | null {
  const path = pathOf(folder, source);
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > MAX_BYTES) return null;
    const kept = parseJson(readFileSync(path, 'utf8'));
    if (!isJsonObject(kept) || kept.source !== source || typeof kept.listed_at !== 'string') return null;
    const listedAtMs = Date.parse(kept.listed_at);
    const models = decodeModels(kept.list);
    const isFresh = nowMs >= listedAtMs && nowMs - listedAtMs < LIST_LIFETIME_MS;
    return isFresh && models !== null ? { source, listedAtMs, models } : null;
  } catch {
    return null; // the next command asks the server
  }
}

/** Keeps a server's reply. What cannot be kept is asked for again by the next command. */
export async function keepModelList(folder: string, source: string, list: JsonValue, nowMs: number): Promise<void> {
  const text = JSON.stringify({ source, listed_at: new Date(nowMs).toISOString(), list });
  await replaceFile(pathOf(folder, source), text).catch(() => {}); // only time is lost
}

function pathOf(folder: string, source: string): string {
  return join(folder, `${crypto().createHash('sha256').update(source).digest('hex').slice(0, 16)}.json`);
}
