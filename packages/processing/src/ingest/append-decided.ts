import type { NewEvent } from "@counterfoil/contracts/recorded-event";
import { APPEND_EVENTS_MAX, cutAppends } from "@counterfoil/core/ingest/event";
import { type Clock, type RandomFraction, type RetryPolicy, retry } from "../ports/clock.ts";
import { StreamUnavailable } from "../ports/errors.ts";
import {
  type AppendResult,
  BETWEEN_MAX,
  type EventStream,
  type KnownEvents,
  mayFollow,
} from "../ports/event-stream.ts";

/** Who appends beside an ingestor that may never pause. */
export type Contender = Readonly<{
  stream: EventStream;
  clock: Clock;
  random?: RandomFraction;
  signal?: AbortSignal;
}>;

/**
 * For an engine that cannot append behind others' events (EventStoreDB). Short pauses: the chance of
 * an attempt lies in how quickly it follows the head that it read. Next to an ingestor that never
 * pauses about every second one wins; where one in fifty does, all of these fail once in half a
 * billion times.
 */
export const CONTENTION: RetryPolicy = { attemptsMax: 1000, delayMsMin: 1, delayMsMax: 100 };

/** Other writers came first, every time. Nothing is wrong, and nothing is half done. */
class OvertakenByOthers extends StreamUnavailable {}

/**
 * Appends, and again while other writers come first.
 *
 * @param append reads the head and appends behind it; the less it does in between, the sooner it wins
 * @throws StreamUnavailable where it never does
 */
export async function appendContended(
  { clock, random, signal }: Pick<Contender, "clock" | "random" | "signal">,
  append: () => Promise<AppendResult["outcome"]>,
): Promise<void> {
  const attempt = async () => {
    if ((await append()) === "conflict") throw new OvertakenByOthers(OVERTAKEN);
  };
  const isPassing = (error: unknown) => error instanceof OvertakenByOthers;
  await retry(attempt, { ...CONTENTION, isPassing, clock, signal, ...(random && { random }) });
}

const OVERTAKEN = `other writers came first, ${CONTENTION.attemptsMax} times in a row or until this was stopped: what was appended stays, and running it again goes on from there`;

/**
 * Looks facts up, decides by what is known of them, and appends what follows. A decision may take
 * much longer than an ingestor needs for its next append, so it is not made again for each event
 * that came in between: it stands as long as none of them says anything about its facts, and is
 * then only appended behind them. Where the engine cannot look at them itself, what is large to
 * append is slow too: after each loss the next attempt is with half the events, down to one.
 *
 * @returns what is on the stream because of it, in order; none where there was nothing to append
 */
export async function appendDecided(
  contender: Contender,
  ids: readonly string[],
  decide: (known: KnownEvents["known"]) => readonly NewEvent[],
): Promise<readonly NewEvent[]> {
  const { stream } = contender;
  const appended: NewEvent[] = [];
  let decided = await decideNow(stream, ids, decide);
  let size = APPEND_EVENTS_MAX;
  let isBehind = false;

  async function appendPart(): Promise<AppendResult["outcome"]> {
    if (isBehind) {
      decided = (await moved(stream, decided)) ?? (await decideNow(stream, ids, decide));
    }
    const [part = []] = cutAppends(decided.events.slice(0, size));
    if (part.length === 0) return "appended";
    const result = await stream.append(decided.after, part, [], decided.facts);
    isBehind = result.outcome === "conflict";
    size = isBehind ? Math.ceil(size / 2) : Math.min(APPEND_EVENTS_MAX, 2 * size);
    if (result.outcome === "conflict") return "conflict";
    appended.push(...part);
    const left = decided.events.slice(part.length);
    decided = { ...decided, after: result.head.position, events: left };
    return "appended";
  }

  while (decided.events.length > 0) await appendContended(contender, appendPart);
  return appended;
}

/** Events that follow from what the stream says of some facts up to a position, and go there. */
type Decided = Readonly<{
  after: number;
  events: readonly NewEvent[];
  /** With them the decision stands or falls. */
  facts: ReadonlySet<string>;
}>;

async function decideNow(
  stream: EventStream,
  ids: readonly string[],
  decide: (known: KnownEvents["known"]) => readonly NewEvent[],
): Promise<Decided> {
  const { head, known } = await stream.findByIds(ids);
  const events = decide(known);
  const facts = new Set([...ids, ...events.map(({ id }) => id)]);
  return { after: head.position, events, facts };
}

/** The same behind everything that came since; null where that is about one of its facts. */
async function moved(stream: EventStream, decided: Decided): Promise<Decided | null> {
  for (let { after } = decided; ; ) {
    const page = await stream.read({ after, limit: BETWEEN_MAX });
    if (!mayFollow(page, decided.facts)) return null;
    after = page.at(-1)?.position ?? after;
    // Where bytes ended the page more follows: then this conflicts, and the next look goes on here.
    if (page.length < BETWEEN_MAX) return { ...decided, after };
  }
}
