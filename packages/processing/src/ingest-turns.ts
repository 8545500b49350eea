import { appendGroup } from "./ingest-append.ts";
import {
  appendDecided,
  type DecidedGroup,
  decideGroup,
  LookUpFailed,
  lookUpGroup,
  tell,
  type Waiting,
} from "./ingest-group.ts";
import type { Clock } from "./ports/clock.ts";
import type { EventStream } from "./ports/event-stream.ts";

/** Requests that wait for their turn. */
export type WaitingLine = Readonly<{
  /** The next group; empty where nobody waits. */
  take: () => readonly Waiting[];
  /** The stream is away: for those in the line as well. */
  rejectAll: (error: unknown) => void;
}>;

type Context = Readonly<{ stream: EventStream; clock: Clock; line: WaitingLine }>;

/** `decided` is null where the group is to be looked up again, by itself. */
type Turn = Readonly<{ group: readonly Waiting[]; decided: DecidedGroup | null }>;

const NOBODY: Turn = { group: [], decided: null };

/** Appends group after group until nobody waits; all of them are answered. */
export async function appendInTurn(context: Context): Promise<void> {
  let turn = await takeTurn(context, null);
  while (turn.group.length > 0) {
    const { group, decided } = turn;
    if (decided === null) {
      await appendAlone(context, group);
      turn = await takeTurn(context, null);
    } else {
      turn = await appendAndPrepare(context, group, decided);
    }
  }
}

/** Looks the next group up and decides it, on top of one whose append may still be under way. */
async function takeTurn(context: Context, before: DecidedGroup | null): Promise<Turn> {
  const { stream, line } = context;
  const group = line.take();
  if (group.length === 0) return NOBODY;
  try {
    return { group, decided: decideGroup(group, await lookUpGroup(stream, group), before) };
  } catch (error) {
    if (!(error instanceof LookUpFailed)) return { group, decided: null };
    for (const { reject } of group) reject(error.cause);
    line.rejectAll(error.cause);
    return NOBODY;
  }
}

/**
 * Appends a group, and decides the next one meanwhile. What was decided on top of it counts only
 * where it is durable as a whole.
 */
async function appendAndPrepare(
  context: Context,
  group: readonly Waiting[],
  decided: DecidedGroup,
): Promise<Turn> {
  const { stream, clock } = context;
  // Its look-up goes ahead of the append, which would hold it up.
  const following = takeTurn(context, decided);
  const left = new Set(group);
  const appending = appendDecided(stream, decided, (answers) => {
    for (const { waiting } of answers) left.delete(waiting);
    // To answer takes time in which the disk could be at work: the next append comes first.
    void clock.nextTurn().then(() => tell(answers));
  });
  // What it failed of, those will find out whose fault it is.
  const outcome = await appending.catch(() => "failed");
  if (left.size > 0) await appendAlone(context, [...left], outcome === "failed");
  const next = await following;
  return left.size > 0 ? { group: next.group, decided: null } : next;
}

async function appendAlone(
  { stream, line }: Context,
  group: readonly Waiting[],
  hasFailed = false,
): Promise<void> {
  try {
    await appendGroup(stream, group, hasFailed);
  } catch (error) {
    if (!(error instanceof LookUpFailed)) throw error;
    line.rejectAll(error.cause);
  }
}
