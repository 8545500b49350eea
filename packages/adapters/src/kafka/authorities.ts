import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigurationInvalid } from "../config.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM file. Each is read here, since TLS leaves out what it cannot read, and
 * every broker would then be refused for another reason.
 *
 * @throws ConfigurationInvalid naming the variable and what is wrong with the file.
 */
export function readAuthorities(file: string): string {
  const refuse = (found: string): never => {
    throw new ConfigurationInvalid([
      `COUNTERFOIL_KAFKA_CA_FILE is "${file}", ${found}: expected a PEM file of certificates (-----BEGIN CERTIFICATE-----)`,
    ]);
  };
  const certificates = textOf(file, refuse).match(CERTIFICATE) ?? [];
  if (certificates.length === 0) refuse("which holds no certificate");
  for (const [at, certificate] of certificates.entries()) {
    if (!isReadable(certificate)) refuse(`whose certificate ${at + 1} cannot be read`);
  }
  return certificates.join("\n");
}

function textOf(file: string, refuse: (found: string) => never): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return refuse(`which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function isReadable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).subject !== undefined;
  } catch {
    return false;
  }
}
