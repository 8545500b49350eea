import type { Backends } from "@counterfoil/adapters/connect";
import { keepHeapLean } from "@counterfoil/adapters/node/lean-heap";
import type { Certificate } from "@counterfoil/contracts/audit";
import { treeOf, verifyCertified } from "@counterfoil/processing/audit/verify-certified";
import {
  type Expected,
  type Start,
  startAfter,
  verifyExpected,
  verifyHeads,
} from "@counterfoil/processing/audit/verify-heads";
import {
  type Finding,
  type StreamVerification,
  verifyStream,
} from "@counterfoil/processing/generations/verify";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { BUILD } from "../build.ts";
import { withProgress } from "../output/progress.ts";
import { untilInterrupted } from "./context.ts";
import { readGivenCertificates, readGivenHeads } from "./given-signed.ts";

/** What others hold of the stream, as files and hashes. */
export type Anchors = Readonly<{
  head: readonly string[];
  certificate: readonly string[];
  key: readonly string[];
  expect?: Expected;
  since?: string;
}>;

export type AnchoredVerification = StreamVerification &
  Readonly<{
    /** Certificates whose models another version folded: only their trees were compared. */
    not_compared: readonly string[];
  }>;

/** The stream by itself, and against what others hold of it. */
export async function verifyAnchored(
  backends: Backends,
  bodies: boolean,
  { head: files, certificate, key: keys, expect, since }: Anchors,
): Promise<AnchoredVerification> {
  const options = { ...backends, nextTurn: backends.clock.nextTurn };
  const certificates = await readGivenCertificates(certificate, keys, backends);
  const given = await readGivenHeads(files, keys, backends);
  const heads = [...given, ...certificates.map(treeOf)];
  const [earlier] = since === undefined ? [] : await readGivenHeads([since], keys, backends);
  const { from, findings: atStart } =
    earlier === undefined ? FROM_THE_BEGINNING : await startAfter(options, earlier);
  const stream = await verifyWholeStream(backends, bodies, from);
  const findings = [...stream.findings, ...atStart, ...(await verifyHeads({ ...options, heads }))];
  if (expect !== undefined) findings.push(...(await verifyExpected(options, expect)));
  for (const detail of await backends.integrity()) {
    findings.push({ position: null, what: "engine", detail });
  }
  // Models of a stream that is not what was certified are not what was certified either.
  const stated = findings.length === 0 ? await verifyStated(backends, certificates) : NOTHING;
  return { ...stream, ...stated, findings: [...findings, ...stated.findings] };
}

const FROM_THE_BEGINNING: Start = { from: null, findings: [] };

async function verifyWholeStream(
  backends: Backends,
  bodies: boolean,
  from: Start["from"],
): Promise<StreamVerification> {
  const start = from === null ? {} : { from };
  return withProgress("verify", (onProgress) =>
    verifyStream({ ...backends, ...start, bodies, onProgress }),
  );
}

type Stated = Readonly<{ findings: readonly Finding[]; not_compared: readonly string[] }>;
const NOTHING: Stated = { findings: [], not_compared: [] };

/** What certificates say of the models, by folding the stream again up to where they say it. */
async function verifyStated(
  backends: Backends,
  certificates: readonly Certificate[],
): Promise<Stated> {
  const findings: Finding[] = [];
  const not_compared: string[] = [];
  if (certificates.length > 0) keepHeapLean();
  for (const certificate of certificates) {
    const found = await untilInterrupted((signal) =>
      withProgress("certificate", (onProgress) => {
        const versions = { projections: PROJECTIONS, codeVersion: BUILD };
        return verifyCertified({ ...backends, ...versions, signal, onProgress }, certificate);
      }),
    );
    if (found !== null) findings.push(...found);
    else not_compared.push(`${certificate.code_version} folded the models, and this is ${BUILD}`);
  }
  return { findings, not_compared };
}
