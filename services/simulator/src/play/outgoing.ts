import { createRandom } from "../random.ts";
import type { Scenario, ScenarioStep } from "../scenarios/scenario.ts";

/** What is sent to a running service. Every planned delivery is one, too. */
export type Outgoing =
  | OutgoingHook
  /** Wait until the service's client has subscribed (again). */
  | Readonly<{ kind: "feed-opened"; feed: string }>
  | Readonly<{ kind: "feed-frame"; feed: string; text: string }>
  /** Nothing is sent: the client notices by itself that no more of a snapshot comes. */
  | Readonly<{ kind: "snapshot-completed"; feed: string }>
  /** Close the connection; the client comes back by itself. */
  | Readonly<{ kind: "feed-closed"; feed: string }>;

export type OutgoingHook = Readonly<{
  kind: "webhook";
  provider: "zerohash" | "layer1";
  payloadType: string;
  body: string;
  notificationId: string | null;
}>;

/** The only feed that a scenario has. */
export const SCENARIO_FEED = "feed-1";

export function scenarioDeliveries(scenario: Scenario, seed: number | string = 1): Outgoing[] {
  const random = createRandom(seed, scenario.name);
  const sent = scenario.steps.map((step) => stepDelivery(step, random.uuid()));
  const firstFrame = sent.findIndex(({ kind }) => kind === "feed-frame");
  return firstFrame < 0
    ? sent
    : sent.toSpliced(firstFrame, 0, { kind: "feed-opened", feed: SCENARIO_FEED });
}

function stepDelivery(step: ScenarioStep, notificationId: string): Outgoing {
  switch (step.kind) {
    case "zerohash-webhook": {
      const { payloadType, body } = step;
      return { kind: "webhook", provider: "zerohash", payloadType, body, notificationId };
    }
    case "layer1-webhook": {
      const { body } = step;
      return { kind: "webhook", provider: "layer1", payloadType: "", body, notificationId: null };
    }
    default:
      return { kind: "feed-frame", feed: SCENARIO_FEED, text: step.text };
  }
}
