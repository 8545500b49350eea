import type { Nanos } from "@counterfoil/core/exact/time";
import { Problem } from "@counterfoil/http/problem";
import type { Moment } from "@counterfoil/processing/queries/moment";
import { type StuckRule, stuckRule } from "@counterfoil/processing/queries/stuck";
import { position, time } from "./parameter.ts";
import { given, positionKnownBy, printedTime, type Sources, stuckNow } from "./reading.ts";

/** Which facts a past moment is told by; `position` of the answer says up to where they go. */
export const knownParameters = {
  at_position: position("By the facts up to this position: what was known there"),
  known_at: time("By the facts that had arrived by then: what was known at that time"),
};

/** The same, and which time is asked about. With one of the others: what was known then of that time. */
export const momentParameters = {
  as_of: time("As it was at this time, by all facts known"),
  ...knownParameters,
};

type Asked = Readonly<{
  as_of?: Nanos | undefined;
  at_position?: number | undefined;
  known_at?: Nanos | undefined;
}>;

/** A moment as it was asked for. */
export type AskedMoment = Readonly<{
  moment: Moment;
  /** For the scope of a list's cursors. */
  filters: Readonly<Record<string, string | number>>;
  /** What the moment's own clock says of what is stuck. */
  rule: StuckRule;
}>;

/**
 * The moment that a request asks for, with `known_at` as the position that it stands for.
 *
 * @throws Problem unsupported_combination: a position and a time both say up to which fact
 */
export async function momentOf(
  sources: Sources,
  { as_of, at_position, known_at }: Asked,
  disconnected: () => AbortSignal,
): Promise<AskedMoment> {
  if (at_position !== undefined && known_at !== undefined) {
    throw new Problem(
      "unsupported_combination",
      "at_position and known_at both say up to which fact: ask for one of them",
    );
  }
  const position =
    known_at === undefined ? at_position : await positionKnownBy(sources, known_at, disconnected);
  const times = { as_of: printedTime(as_of), at_position, known_at: printedTime(known_at) };
  return {
    moment: given({ as_of, at_position: position }),
    filters: given(times),
    rule: await ruleAt(sources, as_of ?? known_at, position),
  };
}

/** Of a position the clock is where its event was recorded. */
async function ruleAt(
  sources: Sources,
  time: Nanos | undefined,
  position: number | undefined,
): Promise<StuckRule> {
  const after = sources.config.COUNTERFOIL_STUCK_AFTER;
  if (time !== undefined) return stuckRule(time, after);
  if (position === undefined || position === 0) return stuckNow(sources);
  const [event] = await sources.stream.read({ after: position - 1, limit: 1 });
  return event === undefined ? stuckNow(sources) : stuckRule(event.recorded_at, after);
}

/** A model can be read at a moment once it has come as far. */
export function minPositionOf(
  { at_position }: Moment,
  minPosition: number | undefined,
): number | undefined {
  return Math.max(minPosition ?? 0, at_position ?? 0) || undefined;
}
