import { writeFile } from "node:fs/promises";
import type { Backends } from "@counterfoil/adapters/connect";
import { checkWritable, sha256OfFile, writeWholeFile } from "@counterfoil/adapters/node/files";
import { verifyEd25519 } from "@counterfoil/adapters/node/keys";
import { keepHeapLean } from "@counterfoil/adapters/node/runtime";
import type { Certificate, TreeHead } from "@counterfoil/contracts/audit";
import {
  certificateText,
  keyIdOf,
  type ReadSigned,
  readCertificate,
  readTreeHead,
  type Statement,
  signedText,
} from "@counterfoil/core/audit/tree-head";
import { verifyKeptHeads } from "@counterfoil/processing/audit/kept-heads";
import { trustedKeys } from "@counterfoil/processing/audit/key-rotation";
import {
  certify,
  type Expected,
  type Start,
  startAfter,
  treeOf,
  verifyCertified,
  verifyExpected,
  verifyHeads,
  verifyIndex,
} from "@counterfoil/processing/audit/signed-trees";
import {
  type Finding,
  type StreamVerification,
  verifyStream,
} from "@counterfoil/processing/generations/verify";
import { PROJECTIONS } from "@counterfoil/processing/models/registry";
import { StreamCorrupted } from "@counterfoil/processing/ports/errors";
import type { Checkpoint } from "@counterfoil/processing/ports/model-store";
import { InvalidArgumentError } from "commander";
import { WrongUsage } from "../error-report.ts";
import { withProgress } from "../output/print.ts";
import { BUILD } from "../program.ts";
import { leaveSignalsToSystem } from "../service/signals.ts";
import { parseOut, REPLACED, textIn, untilInterrupted } from "./context.ts";

/** Signed heads, certificates and hashes that others hold of the stream. */
export type Anchors = Readonly<{
  head: readonly string[];
  certificate: readonly string[];
  key: readonly string[];
  expect?: Expected;
  since?: string;
}>;

export type AnchoredVerification = StreamVerification &
  Readonly<{
    /** What was not compared, and why: models that another version of the program built, or that are not here. */
    not_compared: readonly string[];
  }>;

/** Verifies the stream by itself, and against the anchors. */
export async function verifyAnchored(
  backends: Backends,
  bodies: boolean,
  { head: files, certificate, key: keys, expect, since }: Anchors,
): Promise<AnchoredVerification> {
  const options = { ...backends, nextTurn: backends.clock.nextTurn };
  const certificates = await readTrusted(CERTIFICATE, certificate, keys, backends);
  const givenHeads = await readTrusted(HEAD, files, keys, backends);
  const heads = [...givenHeads, ...certificates.map(treeOf)];
  const [earlier] = since === undefined ? [] : await readTrusted(HEAD, [since], keys, backends);
  const { from, findings: atStart } =
    earlier === undefined ? FROM_THE_BEGINNING : await startAfter(options, earlier);
  const stream = await verifyWholeStream(backends, bodies, from);
  const findings = [...stream.findings, ...atStart, ...(await verifyHeads({ ...options, heads }))];
  if (findings.length === 0) {
    findings.push(...(await verifyKeptHeads({ ...options, isSigned: isHeadSigned })));
  }
  if (expect !== undefined) findings.push(...(await verifyExpected(options, expect)));
  leaveSignalsToSystem();
  for (const detail of await backends.integrity()) {
    findings.push({ position: null, what: "engine", detail });
  }
  // If the stream differs from what was certified, so do its models.
  const models =
    findings.length === 0 ? await verifyCertifiedModels(backends, certificates) : NOT_VERIFIED;
  return { ...stream, ...models, findings: [...findings, ...models.findings] };
}

const isHeadSigned = (head: TreeHead): boolean =>
  verifyEd25519(head.public_key, signedText(head), head.signature);

/** Adds what is wrong with the index of signed heads. */
export async function withIndex(
  backends: Backends,
  { findings, ...stream }: AnchoredVerification,
): Promise<AnchoredVerification> {
  if (findings.length > 0) return { ...stream, findings };
  const options = { ...backends, nextTurn: backends.clock.nextTurn };
  return {
    ...stream,
    findings: await untilInterrupted((signal) => verifyIndex({ ...options, signal })),
  };
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

type ModelFindings = Readonly<{ findings: readonly Finding[]; not_compared: readonly string[] }>;
const NOT_VERIFIED: ModelFindings = { findings: [], not_compared: [] };

/** Verifies the models of certificates by projecting the stream again up to their positions. */
async function verifyCertifiedModels(
  backends: Backends,
  certificates: readonly Certificate[],
): Promise<ModelFindings> {
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
    else {
      const why = `${certificate.code_version} folded them, and this is ${BUILD}`;
      not_compared.push(`the models of a certificate: ${why}`);
    }
  }
  return { findings, not_compared };
}

type Ledger = Pick<Backends, "ledger" | "signer" | "hashing" | "stream">;
type SignedBy = Pick<TreeHead, "ledger" | "key_id" | "public_key" | "signature">;

/** A kind of document that is signed by an installation. */
type Kind<Signed> = Readonly<{
  name: string;
  read: (text: string) => ReadSigned<Signed>;
  textOf: (signed: Signed) => string;
  /** The last position that the document covers. */
  lastOf: (signed: Signed) => string;
}>;

const HEAD: Kind<TreeHead> = {
  name: "head",
  read: readTreeHead,
  textOf: signedText,
  lastOf: ({ position }) => position,
};

const CERTIFICATE: Kind<Certificate> = {
  name: "certificate",
  read: readCertificate,
  textOf: certificateText,
  lastOf: ({ to }) => to,
};

/**
 * Reads documents, each with a valid signature of a trusted key: this installation's, a given one, or
 * one that succeeded such a key.
 *
 * @param keys 64 hex digits each, or files with them
 * @throws WrongUsage naming the first file that is refused, and why
 */
async function readTrusted<Signed extends SignedBy>(
  { name, read, textOf, lastOf }: Kind<Signed>,
  files: readonly string[],
  keys: readonly string[],
  { ledger, signer, hashing, stream }: Ledger,
): Promise<readonly Signed[]> {
  const givenKeys = keys.map(readKey);
  if (files.length === 0) return [];
  const trusted = await trustedUntil([signer.existingKey() ?? [], givenKeys].flat(), {
    ...{ ledger, signer, stream },
  });
  return files.map((file) => {
    const found = read(textIn(file));
    const refuse = (reason: string) =>
      new WrongUsage(`${file} is no ${name} of this ledger: ${reason}`);
    if (!found.ok) throw refuse(found.reason);
    const { signed } = found;
    if (signed.ledger !== ledger) throw refuse(`it is of "${signed.ledger}", expected "${ledger}"`);
    if (signed.key_id !== keyIdOf(signed.public_key, hashing)) {
      throw refuse("its key_id is not that of its public_key");
    }
    if (!verifyEd25519(signed.public_key, textOf(signed), signed.signature)) {
      throw refuse("its signature does not hold: a byte of it was altered");
    }
    const upTo = trusted.get(signed.public_key) ?? 0;
    if (Number(lastOf(signed)) <= upTo) return signed;
    if (upTo > 0) throw refuse(`its key was replaced by another after position ${upTo}`);
    throw refuse(
      `it is signed by key ${signed.key_id}, which is not this installation's: if you trust it, say --key ${signed.public_key}`,
    );
  });
}

/** The trusted keys, and the position up to which each may have signed. */
async function trustedUntil(
  present: readonly string[],
  { ledger, signer, stream }: Pick<Ledger, "ledger" | "signer" | "stream">,
): Promise<ReadonlyMap<string, number>> {
  const trusted = new Map<string, number>();
  for (const key of present) {
    const rotated = await trustedKeys({ stream, ledger, verify: verifyEd25519 }, key);
    for (const [one, upTo] of rotated) {
      trusted.set(one, Math.max(upTo, trusted.get(one) ?? 0));
    }
  }
  for (const key of signer.formerKeys()) {
    if (!trusted.has(key)) trusted.set(key, Number.POSITIVE_INFINITY);
  }
  return trusted;
}

function readKey(keyOrFile: string): string {
  const text = /^[0-9a-f]{64}$/.test(keyOrFile) ? keyOrFile : textIn(keyOrFile).trim();
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new WrongUsage(`--key ${keyOrFile}: expected a public key, 64 lower-case hex digits`);
}

/** Parses `POSITION:HASH`, as `status` and the head show them. */
export function parseExpected(text: string): Expected {
  const [, position, hash] = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (position !== undefined && hash !== undefined) return { position: Number(position), hash };
  throw new InvalidArgumentError("expected POSITION:HASH, the hash as 64 lower-case hex digits");
}

export const CERTIFICATE_OPTION = [
  "--certificate-out <file>",
  `write a signed statement of it to this file; ${REPLACED}`,
  parseOut,
] as const;
export type CertificateOption = Readonly<{ certificateOut?: string }>;

/** Checks before the work that the file can be written. @throws FileUnusable */
export async function checkCertificateFile({ certificateOut }: CertificateOption): Promise<void> {
  if (certificateOut !== undefined) await checkWritable(certificateOut);
}

/** A command's statement: its range, and its models, account and file if it has any. */
type CommandStatement = Pick<Statement, "statement" | "from" | "to"> &
  Partial<Pick<Statement, "models" | "account" | "file">>;

type SignedByActor = CertificateOption & Readonly<{ actor: string }>;

/**
 * Signs a command's statement and writes it to the file of the option, if it is given, after the whole
 * ledger was verified.
 *
 * @throws StreamCorrupted naming the first defect
 */
export async function writeCertificate(
  backends: Backends,
  by: SignedByActor,
  makeStatement: () => Promise<CommandStatement>,
): Promise<void> {
  if (by.certificateOut === undefined) return;
  const { findings } = await withIndex(backends, await verifyAnchored(backends, true, NO_ANCHORS));
  const [found] = findings;
  if (found === undefined) return signStatement(backends, by, makeStatement);
  const { position, what, detail } = found;
  throw new StreamCorrupted(
    `no certificate is signed for a ledger with a fault: ${position === null ? "" : `position ${position}: `}${what}: ${detail}; \`counterfoil verify\` lists all that it finds`,
  );
}

const NO_ANCHORS: Anchors = { head: [], certificate: [], key: [] };

/** The same for a ledger that was verified just now. */
export async function signStatement(
  backends: Backends,
  { certificateOut: out, actor }: SignedByActor,
  makeStatement: () => Promise<CommandStatement>,
): Promise<void> {
  if (out === undefined) return;
  const signed = await certify(backends, {
    ...{ models: {}, account: null, file: null },
    ...(await makeStatement()),
    engine: backends.engine,
    code_version: BUILD,
    actor,
  });
  const text = `${JSON.stringify(signed, null, 2)}\n`;
  await writeWholeFile(out, (path) => writeFile(path, text));
}

/** The digests of models, as a certificate states them. */
export const certifiedModels = (
  models: readonly (readonly [model: string, checkpoint: Checkpoint])[],
): Certificate["models"] =>
  Object.fromEntries(
    models.map(([model, { position, digest, state_digest }]) => [
      model,
      { position: String(position), digest, state_digest },
    ]),
  );

/** A file that was written, as a certificate states it. */
export const certifiedFile = async (
  path: string,
  format: string,
): Promise<NonNullable<Certificate["file"]>> => ({ format, sha256: await sha256OfFile(path) });
