import { z } from "zod";
import { instant, position, sha256 } from "./scalar.ts";

/** Ed25519, 64 bytes. */
const headSignature = z.string().regex(/^[0-9a-f]{128}$/);

/** From here on another key signs heads: both have signed that the one follows the other. */
export const HeadKeyRotated = z.object({
  old_key: sha256,
  new_key: sha256,
  old_signature: headSignature,
  new_signature: headSignature,
});

/**
 * A signed tree head: the ledger as it was at a position, in one signature. It has these fields and no
 * others, since whoever checks it must know all that was signed.
 */
export const treeHead = z
  .strictObject({
    ledger: z.string().min(1),
    genesis: sha256.meta({
      description: "The hash of position 1: which ledger of that name it is",
    }),
    position,
    hash: sha256.meta({ description: "The hash of the event at the position" }),
    tree_size: position.meta({ description: "Leaves of the tree: the position" }),
    root: sha256.meta({ description: "Of the RFC 6962 tree over the events' hashes" }),
    map_root: sha256.meta({ description: "Of the map from each subject to its events" }),
    signed_at: instant,
    key_id: sha256.meta({ description: "SHA-256 of the public key's 32 bytes" }),
    public_key: sha256.meta({ description: "The Ed25519 key, 32 bytes in hex" }),
    signature: headSignature.meta({ description: "Ed25519, see docs/stream-format.md" }),
  })
  .meta({ id: "TreeHead" });
export type TreeHead = Readonly<z.infer<typeof treeHead>>;

const hashes = z.array(sha256);

/** That an event lies under a head of that size. */
export const inclusionProof = z
  .object({
    position,
    tree_size: position,
    hash: sha256.meta({ description: "The event's hash" }),
    leaf: sha256,
    root: sha256,
    proof: hashes.meta({ description: "The hashes beside the way, from the leaf upwards" }),
  })
  .meta({ id: "InclusionProof" });
export type InclusionProof = Readonly<z.infer<typeof inclusionProof>>;

/** That the tree of `to` holds the tree of `from` unchanged. */
export const consistencyProof = z
  .object({
    from: position,
    to: position,
    from_root: sha256,
    to_root: sha256,
    proof: hashes.meta({ description: "As in RFC 6962, section 2.1.2" }),
  })
  .meta({ id: "ConsistencyProof" });
export type ConsistencyProof = Readonly<z.infer<typeof consistencyProof>>;

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
