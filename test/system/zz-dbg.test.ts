import { createHardWorld } from "@counterfoil/simulator/hard/hard-world";
import { test } from "@jest/globals";
import { allRows, openTestLedger, refold } from "./support.ts";

test("x", async () => {
  for (const seed of (process.env.W ?? "186").split(",").map(Number)) {
    const world = createHardWorld(seed);
    const ledger = await openTestLedger({ seed });
    await ledger.play(world.plan);
    await ledger.catchUp();
    const projection = ledger.projections.balances;
    const { checkpoint, store } = (await refold(ledger.stream, projection)) as any;
    const live = (await ledger.checkpoints()).balances;
    const lines = [String(live.digest === checkpoint.digest)];
    const p = (row: any) => JSON.stringify(row, (_, v) => (typeof v === "bigint" ? `${v}n` : v));
    for (const table of projection.tables) {
      const [a, b] = [
        (await ledger.rows("balances", table)).map(p),
        (await allRows(store, table)).map(p),
      ];
      for (const x of a) if (!b.includes(x)) lines.push(`live ${table.name} ${x}`);
      for (const x of b) if (!a.includes(x)) lines.push(`rebu ${table.name} ${x}`);
    }
    console.log(seed, lines.join("\n"));
    await ledger.close();
  }
});
