import { z } from "zod";
import { position, sha256 } from "./scalar.ts";
import { headSignature, treeHead } from "./tree-head.ts";

const digests = z.strictObject({
  position,
  digest: sha256.meta({ description: "Equal on one engine, by one version of the program" }),
  state_digest: sha256.meta({ description: "Equal on every engine" }),
});

/**
 * A signed statement of what a command did or found, and of which ledger. It has these fields and no
 * others, since whoever checks it must know all that was signed.
 */
export const certificate = z
  .strictObject({
    statement: z.enum(["verify", "rebuild", "replay", "export"]),
    ...treeHead.pick({ ledger: true, genesis: true }).shape,
    from: position.meta({ description: "The first position that it is about" }),
    to: position.meta({ description: "The last one, where the tree is as stated" }),
    ...treeHead.pick({ hash: true, root: true, map_root: true }).shape,
    models: z.record(z.string().min(1), digests).meta({
      description: "What was folded of the stream, by the models' names",
    }),
    account: z.string().min(1).nullable().meta({ description: "Of an export of one alone" }),
    file: z
      .strictObject({ format: z.string().min(1), sha256 })
      .nullable()
      .meta({ description: "What was written, as it is to the byte" }),
    engine: z.string().min(1),
    code_version: z.string().min(1),
    actor: z.string().min(1).max(200),
    ...treeHead.pick({ signed_at: true, key_id: true, public_key: true }).shape,
    signature: headSignature,
  })
  .meta({ id: "Certificate" });
export type Certificate = Readonly<z.infer<typeof certificate>>;
