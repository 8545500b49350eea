import { randomBytes, randomUUID } from "node:crypto";

/** As many bits as the digest that is kept of it. */
const SECRET_BYTES = 32;
const MARK_BYTES = 4;

/** A new API key's secret, such as `cf_5d1c0b0e_…`: 256 bits of chance behind a prefix that may be shown. */
export function newKeySecret(): Readonly<{ id: string; prefix: string; secret: string }> {
  const prefix = `cf_${randomBytes(MARK_BYTES).toString("hex")}`;
  const secret = `${prefix}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  return { id: randomUUID(), prefix, secret };
}
