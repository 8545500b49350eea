import type { Pocket } from "../accounts.ts";
import { moveEntries } from "../settlement.ts";
import { drawSpend, type Flow, hasFunds, pickPocket, runStep, type World } from "../world.ts";

const TRANSFER_TYPES = ["trade_allocation", "revenue_capture", "prefunded", "pay"];

/** One run: the same movement on two accounts of one asset. */
export function* transferFlow(world: World, startNs: bigint): Flow {
  const { random } = world;
  const from = pickPocket(world, hasFunds);
  if (from === null) return;
  const to = counterpartOf(world, from);
  const entries = moveEntries(
    { from, to, amount: drawSpend(from, random) },
    {
      movementId: random.uuid(),
      movementType: "transfer",
      references: {
        transferRequestId: String(random.between(300_000, 9_999_999)),
        transferType: random.pick(TRANSFER_TYPES),
      },
    },
  );
  yield runStep(world, { runType: "transfer", atNs: startNs, entries });
}

/** Another customer who has the asset, else the platform. */
function counterpartOf({ random, wallets }: World, from: Pocket): Pocket {
  const others = wallets.pocketsByAsset.get(from.asset.code) ?? [];
  const drawn = random.pick(others);
  if (drawn !== from) return drawn;
  const platform = wallets.platform.pockets.find((pocket) => pocket.asset === from.asset);
  if (platform === undefined) throw new Error(`the platform has no ${from.asset.code}`);
  return platform;
}
