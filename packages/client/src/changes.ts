import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { components } from "./generated/openapi.ts";

type Schemas = components["schemas"];
type Records = {
  balances: Schemas["Balance"];
  withdrawals: Schemas["Withdrawal"];
  deposits: Schemas["Deposit"];
  trades: Schemas["Trade"];
  anomalies: Schemas["Anomaly"] & Readonly<{ position: string }>;
};
type Model = "balances" | "withdrawals" | "deposits" | "trades";

/** There is no record of this id any more. */
export type GoneRecord = Readonly<{ id: string; position: string; gone: true }>;

/** `id`: whoever goes on behind it, misses and repeats nothing; null where it is none of its own. */
export type Change =
  | {
      [Event in keyof Records]: Readonly<{
        id: string;
        event: Event;
        data: Records[Event] | GoneRecord;
      }>;
    }[keyof Records]
  /** Everything that is known of the model is to be read anew. */
  | Readonly<{
      id: string | null;
      event: "reset";
      data: Readonly<{
        model: Model;
        position: string;
        generation: number | null;
        model_version: number | null;
      }>;
    }>
  /** The model's changes come later than those of the others, or with them again. */
  | Readonly<{
      id: string | null;
      event: "state";
      data: Readonly<{ model: Model; state: "behind" | "current"; position: string }>;
    }>;

type Parameters = Readonly<Record<string, unknown>>;
type Ask = (
  parameters: Parameters,
  options: Readonly<{ headers: Readonly<Record<string, string>>; signal: AbortSignal }>,
) => Promise<Response>;

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;
/** The service says something every 15 s; a connection without that has ended, and nobody said so. */
const SILENCE_MS = 45_000;

/**
 * Changes in a loop, for as long as it goes on. Where a connection ends it is made again, and goes on
 * behind the last change that the loop was given.
 *
 * @param isFinal whether what `ask` threw would be thrown again
 * @throws what is final; the signal's reason
 */
export async function* followChanges(
  { "last-event-id": given, ...parameters }: Parameters,
  {
    ask,
    isFinal,
    signal,
    onConnection,
  }: Readonly<{
    ask: Ask;
    isFinal: (error: unknown) => boolean;
    signal?: AbortSignal;
    onConnection?: (isConnected: boolean) => void;
  }>,
): AsyncGenerator<Change, void, undefined> {
  let place = given === undefined ? null : String(given);
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    const connection = new AbortController();
    const either = AbortSignal.any([connection.signal, ...(signal ? [signal] : [])]);
    let isConnected = false;
    try {
      const headers: Record<string, string> = place === null ? {} : { "last-event-id": place };
      const response = await ask(parameters, { headers, signal: either });
      isConnected = true;
      onConnection?.(true);
      for await (const read of eventsOf(response, () => connection.abort())) {
        pauseMs = PAUSE_MS_MIN;
        place = read.place ?? place;
        if (read.change !== null) yield read.change;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw error;
    } finally {
      // Also where the loop that reads has ended.
      connection.abort();
      if (isConnected) onConnection?.(false);
    }
    await pause(pauseMs, signal);
  }
}

type Read = Readonly<{ place: string | null; change: Change | null }>;

async function* eventsOf(response: Response, giveUp: () => void): AsyncGenerator<Read> {
  const found: Read[] = [];
  const parser = createParser({
    onEvent: (message) => found.push({ place: message.id ?? null, change: changeOf(message) }),
    onComment: (text) => {
      const [, place] = /^at (\S+)$/.exec(text.trim()) ?? [];
      if (place !== undefined) found.push({ place, change: null });
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  for (;;) {
    const silent = setTimeout(giveUp, SILENCE_MS);
    const chunk = await reader?.read().finally(() => clearTimeout(silent));
    if (chunk === undefined || chunk.done) return;
    parser.feed(decoder.decode(chunk.value, { stream: true }));
    yield* found.splice(0);
  }
}

const changeOf = ({ id = null as unknown as string, event, data }: EventSourceMessage) =>
  ({ id, event, data: JSON.parse(data) }) as Change;

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener("abort", end, { once: true });
  });
  signal?.throwIfAborted();
}
