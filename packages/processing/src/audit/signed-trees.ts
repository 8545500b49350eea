import type { Certificate, TreeHead } from "@counterfoil/contracts/audit";
import type { ModelName } from "@counterfoil/contracts/fact";
import { createGrowingTree } from "@counterfoil/core/audit/merkle-log";
import { createMapRoot, entryHash } from "@counterfoil/core/audit/subject-map";
import { certificateText, keyIdOf, type Statement } from "@counterfoil/core/audit/tree-head";
import { formatTime } from "@counterfoil/core/exact/time";
import { EMPTY_DIGEST } from "@counterfoil/core/hashing";
import { emptyHead, type Head, headOf } from "@counterfoil/core/stream/chain";
import { compareRows, describeDifference } from "../generations/compare.ts";
import { type ReplayOptions, replayModel } from "../generations/refold.ts";
import type { Finding } from "../generations/verify.ts";
import { own, text } from "../models/columns.ts";
import { StreamCorrupted } from "../ports/errors.ts";
import { PAGE_BYTES_MAX } from "../ports/event-stream.ts";
import type { ModelCatalogue, ModelStore, Table } from "../ports/model-store.ts";
import type { Projection } from "../projection/projection.ts";
import { everyRow } from "../projection/selection.ts";
import { isOnStream } from "../stream-guard.ts";
import {
  AUDIT_LAYOUT,
  type AuditOptions,
  advanceIndex,
  ChainBroken,
  changedEntries,
  countValidLinks,
  damaged,
  LARGE_PAGE,
  SUBJECTS,
  subjectRow,
} from "./audit-index.ts";
import { createHeads, type HeadsOptions, readStore } from "./heads.ts";

type VerifyHeadsOptions = AuditOptions &
  Readonly<{ catalogue: ModelCatalogue; heads: readonly SignedTree[] }>;

/** A signed statement about the ledger's tree: a head, or what `what` names. */
type SignedTree = Pick<
  TreeHead,
  "genesis" | "position" | "hash" | "tree_size" | "root" | "map_root" | "signed_at"
> &
  Readonly<{ what?: string }>;

/**
 * Checks that the stream is what these heads signed. The roots of the tree and of the map are
 * recomputed from the stream alone: nothing that is stored beside it is trusted. With several
 * heads, damage that left the chain intact is between the last head that holds and the first that
 * does not.
 *
 * @param heads their signatures hold, and their keys are trusted
 */
export async function verifyHeads(options: VerifyHeadsOptions): Promise<readonly Finding[]> {
  const { stream, catalogue } = options;
  const heads = options.heads.toSorted((a, b) => sizeOf(a) - sizeOf(b));
  if (heads.length === 0) return [];
  const findings = contradictions(heads);
  const end = (await stream.head()).position;
  return withRecount(options, catalogue, async (recount) => {
    let validUpTo = 0;
    for (const head of heads) {
      const finding = await headFinding(options, recount, { head, validUpTo, end });
      if (finding === null) validUpTo = sizeOf(head);
      else findings.push(finding);
    }
    return findings;
  });
}

const sizeOf = ({ tree_size }: Pick<SignedTree, "tree_size">): number => Number(tree_size);
const nameOf = ({ what = "the head", position, signed_at }: SignedTree): string =>
  `${what} over position ${position} of ${signed_at}`;

/** Finds two histories signed by one installation: each of them refutes the other. */
function contradictions(heads: readonly SignedTree[]): Finding[] {
  return heads.flatMap((head, at): Finding[] => {
    const other = heads.slice(0, at).find((each) => sizeOf(each) === sizeOf(head));
    if (other === undefined || SIGNED.every((name) => other[name] === head[name])) return [];
    const detail = `${nameOf(other)} and ${nameOf(head)} have one size and say different things: roots ${other.root} and ${head.root}`;
    return [{ position: sizeOf(head), what: "equivocation", detail }];
  });
}

const SIGNED = ["genesis", "hash", "root", "map_root"] as const;

type Checked = Readonly<{ head: SignedTree; validUpTo: number; end: number }>;

async function headFinding(
  options: VerifyHeadsOptions,
  recount: Recount,
  { head, validUpTo, end }: Checked,
): Promise<Finding | null> {
  const size = sizeOf(head);
  const finding = (position: number, found: string): Finding => {
    const detail = `${nameOf(head)}: ${found}${rangeOf(validUpTo, Math.min(size, end))}`;
    return { position, what: "head", detail };
  };
  if (size > end) {
    const cut = finding(end + 1, `positions ${end + 1} to ${size} are missing`);
    return validUpTo === end ? { ...cut, detail: cut.detail.replace(/;.*/, "") } : cut;
  }
  try {
    const genesis = (await eventAt(options, 1))?.hash;
    const recomputed = { genesis, ...(await recount.upTo(size)) };
    const wrong = SIGNED.find((name) => recomputed[name] !== head[name]);
    if (wrong === undefined) return null;
    return finding(validUpTo + 1, `found ${wrong} ${recomputed[wrong]}, signed was ${head[wrong]}`);
  } catch (error) {
    if (!(error instanceof StreamCorrupted)) throw error;
    const broken = error instanceof ChainBroken ? error.position : recount.position() + 1;
    return finding(broken, `the chain breaks at position ${broken} or what is there is unreadable`);
  }
}

/** Recomputes the ledger's tree and map at a size from the stream alone. */
type Recount = Readonly<{
  /** @param size not below the previous one. @throws ChainBroken */
  upTo(size: number): Promise<Pick<TreeHead, "hash" | "root" | "map_root">>;
  /** The position up to which the chain is intact. */
  position(): number;
}>;

/**
 * The one row kept for each subject while the stream is read. The map's branches are not kept: its
 * root is computed on request from these rows in the order of their keys. That is a pass over all
 * subjects per head, and in total half of the cost of an index for proofs.
 */
const COUNTED_SUBJECTS: Table = {
  ...SUBJECTS,
  name: "counted_subjects",
  columns: { ...SUBJECTS.columns, subject: own(text) },
};

/**
 * Recomputes in a scratch store of the models' engine, which is then deleted, so that memory does
 * not grow.
 */
async function withRecount<T>(
  options: AuditOptions,
  catalogue: Pick<ModelCatalogue, "openScratch">,
  work: (recount: Recount) => Promise<T>,
): Promise<T> {
  const layout = { tables: [COUNTED_SUBJECTS], modelVersion: 1 };
  const scratch = await catalogue.openScratch("audit", layout);
  try {
    return await work(createRecount(options, scratch));
  } finally {
    await scratch.close();
  }
}

function createRecount(options: AuditOptions, scratch: ModelStore): Recount {
  const { stream, ledger, hashing, nextTurn, signal } = options;
  const tree = createGrowingTree(hashing);
  let last: Pick<Head, "position" | "hash"> = emptyHead(ledger, hashing);

  async function addPage(limit: number): Promise<void> {
    const events = await stream.read({ after: last.position, limit });
    const validLinks = countValidLinks(last.position, last.hash, events, hashing);
    if (validLinks === 0 || validLinks < events.length)
      throw new ChainBroken(last.position + validLinks + 1);
    const { entries } = await changedEntries(scratch, COUNTED_SUBJECTS, { events, hashing });
    const rows = [...entries].map(([key, entry]) => ({
      ...subjectRow([key, entry]),
      subject: entry.subject,
    }));
    const { position, hash } = events.at(-1) as Pick<Head, "position" | "hash">;
    const checkpoint = { position, hash, digest: EMPTY_DIGEST, state_digest: EMPTY_DIGEST };
    const puts = [{ table: COUNTED_SUBJECTS, rows }];
    await scratch.commit({ inserts: [], puts, deletes: [], checkpoint });
    for (const event of events) tree.add(event.hash);
    last = { position, hash };
  }

  async function mapRoot(): Promise<string> {
    const root = createMapRoot(hashing);
    const inOrder = { orderBy: ["key"], limit: SUBJECTS_AT_ONCE, bytesMax: PAGE_BYTES_MAX };
    let since = 0;
    for await (const row of everyRow(scratch, COUNTED_SUBJECTS, inOrder)) {
      const [subject, digest] = [String(row.subject), String(row.digest)];
      const [number, position] = [Number(row.events), Number(row.position)];
      const entry = entryHash({ subject, number, position, digest }, hashing);
      root.add({ key: String(row.key), entry });
      since += 1;
      if (since % SUBJECTS_AT_ONCE === 0) await nextTurn();
    }
    return root.root();
  }

  return {
    position: () => last.position,
    upTo: async (size) => {
      while (last.position < size) {
        signal?.throwIfAborted();
        await addPage(Math.min(LARGE_PAGE, size - last.position));
        await nextTurn();
      }
      return { hash: last.hash, root: tree.root(), map_root: await mapRoot() };
    },
  };
}

const SUBJECTS_AT_ONCE = 2000;

/**
 * Compares the index, from which heads and proofs are made, with one that is built again from the stream.
 * The stream itself has been verified before.
 */
export async function verifyIndex(
  options: AuditOptions & Readonly<{ catalogue: ModelCatalogue }>,
): Promise<readonly Finding[]> {
  const { catalogue, stream } = options;
  const [known] = await catalogue.generations("audit");
  // An index of another version, or of another stream, is built again by the next head.
  if (known?.modelVersion !== AUDIT_LAYOUT.modelVersion) return [];
  const again = await catalogue.openScratch("audit", AUDIT_LAYOUT);
  try {
    const difference = await readStore(catalogue, "audit", async (rows, checkpoint) => {
      if (!(await isOnStream(stream, checkpoint))) return undefined;
      await advanceIndex(options, again, checkpoint.position);
      const [row] = await compareRows(AUDIT_LAYOUT.tables, rows, again, 1);
      return row;
    });
    if (!difference) return [];
    const { message } = damaged(`differs from the stream: ${describeDifference(difference)}`);
    return [{ position: null, what: "index", detail: message }];
  } finally {
    await again.close();
  }
}

/** The range of positions that may be altered: up to a head that holds, all is as it was signed. */
function rangeOf(validUpTo: number, to: number): string {
  const known =
    validUpTo === 0 ? "no head before it was given" : `the head over position ${validUpTo} holds`;
  return `; what was altered lies in positions ${validUpTo + 1} to ${to} (${known})`;
}

async function eventAt({ stream }: AuditOptions, position: number) {
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  return event?.position === position ? event : undefined;
}

export type Expected = Readonly<{ position: number; hash: string }>;

/**
 * Checks that the event at a position has this hash; if it does, and the chain is intact, so is
 * everything before it.
 */
export async function verifyExpected(
  options: AuditOptions,
  { position, hash }: Expected,
): Promise<readonly Finding[]> {
  const event = await eventAt(options, position);
  if (event?.hash === hash) return [];
  const found = event === undefined ? "no event" : `hash ${event.hash}`;
  const detail = `found ${found} at position ${position}, expected hash ${hash}: something in positions 1 to ${position} is not what it was`;
  return [{ position, what: "expected", detail }];
}

export type Start =
  | Readonly<{ from: Head; findings: readonly [] }>
  | Readonly<{ from: null; findings: readonly Finding[] }>;

/**
 * The point from which to continue after what a head signed. Everything under it is assumed to be
 * as it was then.
 */
export async function startAfter(options: AuditOptions, head: TreeHead): Promise<Start> {
  const event = await eventAt(options, sizeOf(head));
  if (event?.hash === head.hash) return { from: headOf(event), findings: [] };
  const found = event === undefined ? "no event" : `hash ${event.hash}`;
  const detail = `${nameOf(head)}: found ${found} there, signed was ${head.hash}; what was altered lies in positions 1 to ${head.position}`;
  return { from: null, findings: [{ position: sizeOf(head), what: "head", detail }] };
}

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

type VerifyCertificateOptions = Omit<ReplayOptions, "projection" | "position"> &
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
