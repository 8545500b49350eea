import { durationText, Time } from "../components/time.tsx";
import { type LifecycleRecord, type Model, STAGES } from "./lifecycle-words.tsx";

type Step = Readonly<{
  stage: string;
  /** `passed`: it was in this stage; `skipped`: it went past it; `ahead`: it may still come. */
  state: "passed" | "here" | "skipped" | "ahead" | "ended";
  /** When it came to it. */
  at: string | null;
  seconds: number | null;
  isLate: boolean;
}>;

/** The way through the stages, and the time in each. */
export function StageTrack({ model, record }: Readonly<{ model: Model; record: LifecycleRecord }>) {
  const steps = stepsOf(model, record);
  return (
    <ol class="track">
      {steps.map(({ stage, state, at, seconds, isLate }) => (
        <li
          key={stage}
          class={state}
          {...(state === "here" && { "aria-current": "step" as const })}
        >
          <b>{stage}</b>
          {at === null ? <span class="quiet">{WORDS[state]}</span> : <Time at={at} />}
          {seconds !== null && <span class="spent">{durationText(seconds)}</span>}
          {isLate && <span class="quiet">told late</span>}
        </li>
      ))}
    </ol>
  );
}

const WORDS: Readonly<Record<Step["state"], string>> = {
  passed: "",
  here: "",
  ended: "",
  skipped: "not told",
  ahead: "not yet",
};

export function stepsOf(model: Model, record: LifecycleRecord): readonly Step[] {
  const { forward, otherwise } = STAGES[model];
  const { stage: current, history } = record;
  const ended = otherwise.filter((stage) => history.some((entry) => entry.stage === stage));
  const all: readonly string[] = [...forward, ...ended];
  const furthest = Math.max(...history.map(({ stage }) => all.indexOf(stage ?? "")));
  return all
    .filter((stage, at) => at <= furthest || !isOver(model, current) || stage === current)
    .map((stage, at) => {
      const entries = history.filter((entry) => entry.stage === stage);
      const spent = entries
        .map(({ seconds_in_stage }) => seconds_in_stage)
        .filter((each) => each !== null);
      return {
        stage,
        state: stateOf({
          stage,
          at,
          current,
          furthest,
          isTold: entries.length > 0,
          isEnd: ended.includes(stage as never),
        }),
        at: entries[0]?.effective_at ?? null,
        // A duration is no amount: it may be rounded.
        seconds: spent.length === 0 ? null : spent.reduce((sum, each) => sum + Number(each), 0),
        isLate: entries.some(({ late }) => late),
      };
    });
}

type Place = Readonly<{
  stage: string;
  at: number;
  current: string | null;
  furthest: number;
  isTold: boolean;
  isEnd: boolean;
}>;

function stateOf({ stage, at, current, furthest, isTold, isEnd }: Place): Step["state"] {
  if (stage === current) return isEnd ? "ended" : "here";
  if (isTold) return "passed";
  return at < furthest ? "skipped" : "ahead";
}

/** Whether nothing more is to come by itself. */
function isOver(model: Model, stage: string | null): boolean {
  const { forward, otherwise } = STAGES[model];
  return stage === forward.at(-1) || (otherwise as readonly string[]).includes(stage ?? "");
}
