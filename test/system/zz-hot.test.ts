import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeHashing as hashing } from "@counterfoil/adapters/node/hashing";
import { openModelCatalogue } from "@counterfoil/adapters/sqlite/model-catalogue";
import { openFolding } from "@counterfoil/processing/folding";
import { balancesProjection } from "@counterfoil/processing/models/balances/projection";
import { createRandom, shuffled } from "@counterfoil/simulator/random";
import { test } from "@jest/globals";
import { balanceBody, delivery } from "./messages.ts";
import { openTestLedger } from "./support.ts";

const AT = 1_790_000_000_000;
type Shape = (n: number) => readonly { run: number; change: string; balance: string; at: number }[];
const R = createRandom(1, "x");
const SHAPES: Record<string, Shape> = {
  plain: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k * 1000,
    })),
  hot5ms: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k * 5,
    })),
  jitter: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k * 5 + R.below(18),
    })),
  chain: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k + R.below(18),
    })),
  instant: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT,
    })),
  instantShuffled: (n) =>
    shuffled(
      Array.from({ length: n }, (_, k) => ({
        run: 1000 + k,
        change: "1",
        balance: String(k + 1),
        at: AT,
      })),
      R,
    ),
  newest: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k * 5,
    })).reverse(),
  shuffled: (n) =>
    shuffled(
      Array.from({ length: n }, (_, k) => ({
        run: 1000 + k,
        change: "1",
        balance: String(k + 1),
        at: AT + k * 5,
      })),
      R,
    ),
  chainNewest: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String(k + 1),
      at: AT + k + R.below(18),
    })).reverse(),
  gaps32: (n) =>
    Array.from({ length: n }, (_, k) => ({
      run: 1000 + k,
      change: "1",
      balance: String((k + 1) * 2),
      at: AT + k,
    })),
};
const only = process.env.SHAPES?.split(",");
for (const [name, shape] of Object.entries(SHAPES)) {
  if (only && !only.includes(name)) continue;
  test(name, async () => {
    const out: string[] = [];
    for (const n of [Number(process.env.N ?? 1000), Number(process.env.N ?? 1000) * 4]) {
      const ledger = await openTestLedger({ live: false });
      ledger.clock.set(BigInt(AT + n * 1000 + 3_600_000) * 1_000_000n);
      let group: Promise<unknown>[] = [];
      for (const c of shape(n)) {
        group.push(
          ledger.submit(delivery({ body: balanceBody(c), receivedAt: ledger.clock.now() })),
        );
        if (group.length >= 200) {
          await Promise.all(group);
          group = [];
        }
      }
      await Promise.all(group);
      const events = await ledger.events();
      const dir = mkdtempSync(join(tmpdir(), "hot-"));
      for (const batch of [1000, 10]) {
        const catalogue = openModelCatalogue({ dataDir: join(dir, String(batch)) });
        await catalogue.create("balances", { tables: balancesProjection.tables, modelVersion: 4 });
        const store = await catalogue.openForWriting("balances", 1);
        const folding = await openFolding({
          stream: ledger.stream,
          projection: balancesProjection,
          store,
          hashing,
        });
        const t = performance.now();
        for (let at = 0; at < events.length; at += batch)
          await folding.fold(events.slice(at, at + batch));
        const ms = performance.now() - t;
        out.push(
          `n=${n} batch=${batch} ${((ms / n) * 1000).toFixed(0)}us/run stopped=${folding.stoppedSubjects} digest ${folding.checkpoint.digest.slice(0, 6)}`,
        );
        await store.close();
        await catalogue.close();
      }
      rmSync(dir, { recursive: true, force: true });
      await ledger.close();
    }
    console.log(name + "\n" + out.join("\n"));
  }, 300_000);
}
