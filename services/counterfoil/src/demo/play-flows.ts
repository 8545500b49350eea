import type { EventRecord } from "@counterfoil/contracts/record";
import type { PlayResult } from "@counterfoil/simulator/play/play-deliveries";
import { SCENARIOS } from "@counterfoil/simulator/scenarios/registry";
import type { Scenario } from "@counterfoil/simulator/scenarios/scenario";
import { type Api, until } from "./api.ts";
import type { StandIn } from "./stand-in.ts";
import { dim, printChecked, printHeading } from "./style.ts";

/**
 * In this order. The generic examples of the feed's page contradict its use cases (one account id
 * under two assets, another balance after one run), so they belong into a ledger of their own.
 */
const FLOWS = [
  "balances-feed-use-cases",
  "layer1-deposit",
  "trade-status",
  "deposit-status",
  "fund-transaction",
  "payment-crypto",
  "payment-bank",
  "layer1-withdrawal",
] as const;

export type FlowsDeps = Readonly<{ standIn: StandIn; api: Api; address: string }>;

/** @throws where a webhook was refused */
export async function playFlows({ standIn, api, address }: FlowsDeps): Promise<void> {
  printHeading("Playing what the providers document", "signed HTTP, and a real socket");
  const scenarios = FLOWS.flatMap((name) => SCENARIOS.get(name) ?? []);
  const width = Math.max(...scenarios.map(({ title }) => title.length));
  for (const scenario of scenarios) {
    const result = await standIn.play(scenario, address);
    if (result.refused > 0) throw new Error(`${scenario.name}: ${JSON.stringify(result.statuses)}`);
    if (result.frames > 0) await untilRecorded(api, result.frames);
    printChecked(true, `${scenario.title.padEnd(width)}  ${dim(describe(scenario, result))}`);
  }
}

/**
 * Nobody acknowledges a frame: it has arrived once it is on the stream. That the snapshot was
 * complete follows after a silence; digests that are to be compared must not have it in between.
 */
async function untilRecorded(api: Api, frames: number): Promise<void> {
  const eventsOf = (types: string) =>
    api.get<readonly EventRecord[]>("/v1/events", { types, limit: 100 });
  await until(
    "the feed's frames on the stream",
    () => eventsOf("DeliveryReceived"),
    (deliveries) => deliveries.filter(isFrame).length >= frames,
  );
  await until(
    "the end of the feed's snapshot on the stream",
    () => eventsOf("SnapshotCompleted"),
    (completions) => completions.length > 0,
  );
}

const isFrame = ({ data }: EventRecord) => data.channel === "feed";

function describe({ steps }: Scenario, { acknowledged, frames }: PlayResult): string {
  if (frames > 0) return `${frames} frames`;
  const scheme = steps[0]?.kind === "layer1-webhook" ? "ECDSA" : "HMAC";
  return `${acknowledged} webhook${acknowledged === 1 ? "" : "s"}, ${scheme}`;
}
