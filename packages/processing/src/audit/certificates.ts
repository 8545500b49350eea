import type { Certificate } from "@counterfoil/contracts/audit";
import type { ModelName } from "@counterfoil/contracts/fact";
import { certificateText, keyIdOf, type Statement } from "@counterfoil/core/audit/tree-head";
import { formatTime } from "@counterfoil/core/exact/time";
import { type ReplayOptions, replayModel } from "../generations/refold.ts";
import type { Finding } from "../generations/verify.ts";
import type { Projection } from "../projection/projection.ts";
import { createHeads, type HeadsOptions } from "./heads.ts";
import { type SignedTree, withRecount } from "./verify-heads.ts";

/**
 * Signs what a command did or found, with the ledger's tree at the last position that it covers. A
 * head of the present stream is made first: a stream that contradicts what was signed before is not
 * certified.
 *
 * @throws StreamForked, and whatever making a head throws
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

/** The map of an earlier position is not stored, so it is recomputed. */
const treeAt = ({ catalogue, ...options }: HeadsOptions, position: number) =>
  withRecount({ ...options, nextTurn: options.clock.nextTurn }, catalogue, ({ upTo }) =>
    upTo(position),
  );

/** The ledger's tree as a certificate states it, to be checked like a head's. */
export const treeOf = ({ to, ...certificate }: Certificate): SignedTree => ({
  ...certificate,
  position: to,
  tree_size: to,
  what: `the certificate (${certificate.statement})`,
});

export type VerifyCertificateOptions = Omit<ReplayOptions, "projection" | "position"> &
  Readonly<{
    projections: Readonly<Record<ModelName, Projection>>;
    /** Digests depend on the version of the program, `digest` also on the engine. */
    codeVersion: string;
    engine: string;
  }>;

/**
 * Checks that folding the stream results in the digests that a certificate states of the models.
 * Its tree has been verified before.
 *
 * @returns null if another version of the program made it: its digests cannot be compared
 */
export async function verifyCertified(
  { projections, codeVersion, engine, ...options }: VerifyCertificateOptions,
  { models, code_version, engine: certifiedEngine, signed_at }: Certificate,
): Promise<readonly Finding[] | null> {
  if (code_version !== codeVersion) return null;
  const findings: Finding[] = [];
  for (const [model, stated] of Object.entries(models)) {
    const projection = projections[model as ModelName];
    if (projection === undefined) continue;
    const position = Number(stated.position);
    const folded = await replayModel({ ...options, projection, position }, async (_, it) => it);
    const names =
      certifiedEngine === engine
        ? (["state_digest", "digest"] as const)
        : (["state_digest"] as const);
    const wrong = names.find((name) => folded[name] !== stated[name]);
    if (wrong === undefined) continue;
    const detail = `the certificate of ${signed_at}: ${model} folded up to position ${position} has ${wrong} ${folded[wrong]}, stated was ${stated[wrong]}`;
    findings.push({ position, what: "certificate", detail });
  }
  return findings;
}
