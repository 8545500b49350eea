import type { Certificate } from "@counterfoil/contracts/audit";
import { certificateText, keyIdOf, type Statement } from "@counterfoil/core/audit/tree-head";
import { formatTime } from "@counterfoil/core/exact/time";
import { AUDIT_LAYOUT, advanceIndex, LARGE_PAGE } from "./audit-index.ts";
import { createHeads, type HeadsOptions } from "./heads.ts";

/**
 * Signs what a command did or found, with the ledger's tree at the last position that it is about. A
 * head of the present is made first: what contradicts what was signed before is not certified.
 *
 * @throws StreamForked and what else making a head throws
 */
export async function certify(options: HeadsOptions, statement: Statement): Promise<Certificate> {
  const { ledger, clock, signer, hashing } = options;
  const head = await createHeads(options).make();
  const { hash, root, map_root } =
    head.position === statement.to ? head : await treeAt(options, Number(statement.to));
  const public_key = await signer.publicKey();
  const unsigned = {
    ...statement,
    ...{ ledger, genesis: head.genesis, hash, root, map_root },
    signed_at: formatTime(clock.now()),
    key_id: keyIdOf(public_key, hashing),
    public_key,
  };
  return { ...unsigned, signature: await signer.sign(certificateText(unsigned)) };
}

/** Of an earlier position the map is nowhere: both are built again, and thrown away. */
async function treeAt({ catalogue, clock, ...options }: HeadsOptions, position: number) {
  const scratch = await catalogue.openScratch("audit", AUDIT_LAYOUT);
  try {
    const building = { ...options, nextTurn: clock.nextTurn, page: LARGE_PAGE, listsEvents: false };
    const found = await advanceIndex(building, scratch, position);
    return { hash: found.hash, root: found.digest, map_root: found.state_digest };
  } finally {
    await scratch.close();
  }
}
