import { writeFile } from "node:fs/promises";
import type { Backends } from "@counterfoil/adapters/connect";
import { checkWritable, sha256OfFile, writeWholeFile } from "@counterfoil/adapters/node/files";
import type { Certificate } from "@counterfoil/contracts/audit";
import type { Statement } from "@counterfoil/core/audit/tree-head";
import { certify } from "@counterfoil/processing/audit/certify";
import type { Checkpoint } from "@counterfoil/processing/ports/model-store";
import { BUILD } from "../build.ts";

export const CERTIFICATE_OPTION = [
  "--certificate-out <file>",
  "write a signed statement of it to this file",
] as const;
export type CertificateOption = Readonly<{ certificateOut?: string }>;

/** @throws FileUnusable before the work is done, and not after it */
export async function checkCertificateFile({ certificateOut }: CertificateOption): Promise<void> {
  if (certificateOut !== undefined) await checkWritable(certificateOut);
}

/** What a command has done: its range, and where they belong to it models, an account and a file. */
type Done = Pick<Statement, "statement" | "from" | "to"> &
  Partial<Pick<Statement, "models" | "account" | "file">>;

/** Signs what was done and writes it, where that was asked for. */
export async function writeCertificate(
  backends: Backends,
  { certificateOut: out, actor }: CertificateOption & Readonly<{ actor: string }>,
  stated: () => Promise<Done>,
): Promise<void> {
  if (out === undefined) return;
  const signed = await certify(backends, {
    ...{ models: {}, account: null, file: null },
    ...(await stated()),
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
