import type { TreeHead } from "@counterfoil/contracts/audit";
import { readTreeHead } from "@counterfoil/core/audit/tree-head";
import type { Finding } from "../generations/verify.ts";
import type { EventStream } from "../ports/event-stream.ts";
import type { ModelCatalogue, Row } from "../ports/model-store.ts";
import { everyRow } from "../projection/selection.ts";
import { HEADS, readStore } from "./heads.ts";

type KeptHeadsOptions = Readonly<{
  stream: EventStream;
  catalogue: ModelCatalogue;
  /** Whether its signature holds under the key that it names. */
  isSigned: (head: TreeHead) => boolean;
}>;

const PAGE = 500;

/**
 * Checks the heads that were made here: each is as it was signed, and the stream is the one that the last
 * one was made over. The last counts for all, since a head is made only over a stream that continues
 * the one before, or because an operator had a restored backup signed.
 *
 * The chain has been verified before, so the hash of the last event covers all events.
 */
export async function verifyKeptHeads(options: KeptHeadsOptions): Promise<readonly Finding[]> {
  const kept = await readStore(options.catalogue, "heads", async (rows) => {
    const findings: Finding[] = [];
    let last: TreeHead | null = null;
    for await (const row of everyRow(rows, HEADS, { orderBy: ["number"], limit: PAGE })) {
      const { head, altered } = readKept(row, options);
      if (altered !== null) findings.push(altered);
      last = head;
    }
    return { findings, last };
  });
  if (kept === null) return [];
  const { findings, last } = kept;
  const contradicting = last === null ? null : await contradiction(options.stream, last);
  return contradicting === null ? findings : [...findings, contradicting];
}

type Kept = Readonly<{ head: TreeHead | null; altered: Finding | null }>;

function readKept(row: Row, { isSigned }: KeptHeadsOptions): Kept {
  const read = readTreeHead(String(row.head));
  const altered = (why: string): Kept => ({
    head: null,
    altered: {
      position: Number(row.position),
      what: "head",
      detail: `head ${row.number} of those made here was altered: ${why}; whoever holds it has it as it was signed`,
    },
  });
  if (!read.ok) return altered(read.reason);
  const head = read.signed;
  if (!isSigned(head)) return altered("its signature does not hold");
  if (Number(head.position) === row.position) return { head, altered: null };
  return altered(`it is over position ${head.position}, and kept as one over ${row.position}`);
}

async function contradiction(stream: EventStream, head: TreeHead): Promise<Finding | null> {
  const size = Number(head.position);
  const end = (await stream.head()).position;
  const finding = (position: number, found: string): Finding => {
    const detail = `the head over position ${size} that was made here at ${head.signed_at}: ${found}; restore a backup that has what it signed, or sign what is there now with \`counterfoil head --rebuild\``;
    return { position, what: "head", detail };
  };
  if (size > end) return finding(end + 1, `positions ${end + 1} to ${size} are missing`);
  const [event] = await stream.read({ after: size - 1, limit: 1 });
  if (event?.hash === head.hash) return null;
  return finding(size, `found hash ${event?.hash} there, signed was ${head.hash}`);
}
