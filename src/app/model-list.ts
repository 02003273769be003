import { failureFromReply, failureFromThrown, unreadableReply } from '../client/failure.ts';
import { type Configuration, modelListUrl } from '../configuration/configuration.ts';
import { SoraError } from '../domain/errors.ts';
import { parseJson } from '../domain/json.ts';
import type { ModelList } from '../domain/listed-model.ts';
import { keepModelList } from '../store/model-lists.ts';
import { decodeModels, modelsRoute } from '../wire/models.ts';
import type { Context } from './context.ts';

const PATIENCE_MS = 8_000;
/** A server without such a list. */
const NO_LIST: ReadonlySet<string> = new Set(['endpoint_not_found', 'not_supported', 'video_not_found']);

type ListDeps = Pick<Context, 'servers' | 'host' | 'paths' | 'output'>;

/** What a server lists now, kept for the day if it has prices. Throws its refusal, or `unreadable_response`. */
export async function readModels(
  configuration: Configuration,
  { servers, host, paths, output }: ListDeps,
  signal = host.interrupt,
): Promise<ModelList> {
  const dialect = configuration.dialect.value;
  const baseUrl = configuration.baseUrl.value;
  const transport = await servers.transport(configuration);
  const url = transport.urlOf(modelsRoute(dialect));
  const nowMs = host.clock.now();
  const context = { baseUrl, hasKey: configuration.key !== null, atMs: nowMs };
  const asked = transport.ask({ method: 'GET', url, headers: {}, signal });
  const reply = await asked.catch((error: unknown) => {
    signal.throwIfAborted();
    throw failureFromThrown(error, context);
  });
  if (reply.status < 200 || reply.status >= 300) throw failureFromReply(reply, context);
  const json = parseJson(output.secrets.hide(reply.body)); // it is kept in a file
  const models = decodeModels(json);
  if (json === undefined || models === null) throw unreadableReply(reply, context);
  const source = modelListUrl(baseUrl, dialect);
  if (dialect === 'openrouter') await keepModelList(paths.modelListsDir, source, json, nowMs);
  return { source, listedAtMs: nowMs, models };
}

/** Reads today's prices of a server that lists them, for estimates and caps. Without them the price is unknown. */
export async function learnPrices(context: Context): Promise<void> {
  const { configuration, output } = context;
  const { dialect, isSimulator, modelList } = configuration;
  if (dialect.value !== 'openrouter' || isSimulator || modelList !== null) return;
  try {
    await readModels({ ...configuration, requestTimeoutMs: { value: PATIENCE_MS, origin: 'default' } }, context);
    context.forgetSettings();
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    if (NO_LIST.has(error.code)) return;
    output.note(`could not read the server’s prices: ${error.causedBy ?? error.message}`);
  }
}
