import { ACCOUNTS } from "@counterfoil/processing/models/balances/tables";
import { expect, test } from "@jest/globals";
import { playFlow } from "../engines/flow.ts";
import { auditor, checkByNode, hasPython, startPython } from "./proofs.ts";

if (!hasPython) test.skip("check.py: no python3 on this machine", () => {});

test("every proof of a ledger with amendments, gaps and snapshots holds by both checkers", async () => {
  const ledger = await playFlow({ order: 1, together: 1 });
  const { signer, prove, file, end } = auditor(ledger);
  const key = await signer.publicKey();
  const python = hasPython ? startPython() : null;
  const failed: unknown[] = [];
  for (const { id, balance } of await ledger.rows("balances", ACCOUNTS)) {
    const proof = await prove(String(id));
    expect([id, proof.balance]).toEqual([id, balance]);
    const args = [file("proof.json", proof.text), "--key", key];
    const found = await checkByNode(args);
    const other = (await python?.check(args)) ?? found;
    if (found[0] !== 0 || String(found) !== String(other)) failed.push([id, found, other]);
  }
  expect(failed).toEqual([]);
  python?.end();
  end();
  await ledger.close();
});
