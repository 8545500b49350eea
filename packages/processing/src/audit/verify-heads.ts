import type { TreeHead } from "@counterfoil/contracts/audit";
import { type Head, headOf } from "@counterfoil/core/stream/chain";
import type { Finding } from "../generations/verify.ts";
import { StreamCorrupted } from "../ports/errors.ts";
import type { ModelCatalogue, ModelStore } from "../ports/model-store.ts";
import {
  AUDIT_LAYOUT,
  type AuditOptions,
  advanceIndex,
  ChainBroken,
  LARGE_PAGE,
} from "./audit-index.ts";

export type VerifyHeadsOptions = AuditOptions &
  Readonly<{ catalogue: ModelCatalogue; heads: readonly SignedTree[] }>;

/** What somebody has signed of the ledger: in a head, or in what `what` names. */
export type SignedTree = Pick<
  TreeHead,
  "genesis" | "position" | "hash" | "tree_size" | "root" | "map_root" | "signed_at"
> &
  Readonly<{ what?: string }>;

/**
 * Whether the stream is what these heads signed. The tree and the map are built again from the stream,
 * into a scratch store of the models' engine: nothing that is stored beside the stream is believed.
 * Where several heads are given, a damage that left the chain whole lies between the last that holds
 * and the first that does not.
 *
 * @param heads their signatures hold, and their keys are trusted
 */
export async function verifyHeads(options: VerifyHeadsOptions): Promise<readonly Finding[]> {
  const { stream, catalogue } = options;
  const heads = options.heads.toSorted((a, b) => sizeOf(a) - sizeOf(b));
  if (heads.length === 0) return [];
  const findings = contradictions(heads);
  const end = (await stream.head()).position;
  const scratch = await catalogue.openScratch("audit", AUDIT_LAYOUT);
  try {
    let held = 0;
    for (const head of heads) {
      const finding = await headFinding(options, scratch, { head, held, end });
      if (finding === null) held = sizeOf(head);
      else findings.push(finding);
    }
    return findings;
  } finally {
    await scratch.close();
  }
}

const sizeOf = ({ tree_size }: Pick<SignedTree, "tree_size">): number => Number(tree_size);
const nameOf = ({ what = "the head", position, signed_at }: SignedTree): string =>
  `${what} over position ${position} of ${signed_at}`;

/** Two histories that one installation has signed: whichever is shown, the other is denied. */
function contradictions(heads: readonly SignedTree[]): Finding[] {
  return heads.flatMap((head, at): Finding[] => {
    const other = heads.slice(0, at).find((each) => sizeOf(each) === sizeOf(head));
    if (other === undefined || SIGNED.every((name) => other[name] === head[name])) return [];
    const detail = `${nameOf(other)} and ${nameOf(head)} have one size and say different things: roots ${other.root} and ${head.root}`;
    return [{ position: sizeOf(head), what: "equivocation", detail }];
  });
}

const SIGNED = ["genesis", "hash", "root", "map_root"] as const;

type Checked = Readonly<{ head: SignedTree; held: number; end: number }>;

async function headFinding(
  options: VerifyHeadsOptions,
  scratch: ModelStore,
  { head, held, end }: Checked,
): Promise<Finding | null> {
  const size = sizeOf(head);
  const finding = (position: number, found: string): Finding => {
    const detail = `${nameOf(head)}: ${found}${rangeOf(held, Math.min(size, end))}`;
    return { position, what: "head", detail };
  };
  if (size > end) {
    const cut = finding(end + 1, `positions ${end + 1} to ${size} are missing`);
    return held === end ? { ...cut, detail: cut.detail.replace(/;.*/, "") } : cut;
  }
  try {
    const found = await advanceIndex(
      { ...options, page: LARGE_PAGE, listsEvents: false },
      scratch,
      size,
    );
    const genesis = (await eventAt(options, 1))?.hash;
    const said = { genesis, hash: found.hash, root: found.digest, map_root: found.state_digest };
    const wrong = SIGNED.find((name) => said[name] !== head[name]);
    if (wrong === undefined) return null;
    return finding(held + 1, `found ${wrong} ${said[wrong]}, signed was ${head[wrong]}`);
  } catch (error) {
    if (!(error instanceof StreamCorrupted)) throw error;
    const { position } = await scratch.checkpoint();
    const broken = error instanceof ChainBroken ? error.position : position + 1;
    return finding(broken, `the chain breaks at position ${broken} or what is there is unreadable`);
  }
}

/** What lies under a head that holds is as it was signed. */
function rangeOf(held: number, to: number): string {
  const known = held === 0 ? "no head before it was given" : `the head over position ${held} holds`;
  return `; what was altered lies in positions ${held + 1} to ${to} (${known})`;
}

async function eventAt({ stream }: AuditOptions, position: number) {
  const [event] = await stream.read({ after: position - 1, limit: 1 });
  return event?.position === position ? event : undefined;
}

export type Expected = Readonly<{ position: number; hash: string }>;

/** Whether the event there has that hash; where it has, and the chain is whole, so is all before it. */
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

/** Where to go on from after what a head signed. What is under it is taken to be as it was then. */
export async function startAfter(options: AuditOptions, head: TreeHead): Promise<Start> {
  const event = await eventAt(options, sizeOf(head));
  if (event?.hash === head.hash) return { from: headOf(event), findings: [] };
  const found = event === undefined ? "no event" : `hash ${event.hash}`;
  const detail = `${nameOf(head)}: found ${found} there, signed was ${head.hash}; what was altered lies in positions 1 to ${head.position}`;
  return { from: null, findings: [{ position: sizeOf(head), what: "head", detail }] };
}
