import type { IncomingHttpHeaders } from "node:http";
import type { Nanos } from "@counterfoil/core/exact/time";
import type { Delivery } from "@counterfoil/processing/ports/ingest";

export type Verdict = Delivery["verdict"];

/** `detail` is shown to the sender and logged: it names headers, never what stands in them. */
export type SignatureRefusal = Readonly<{
  ok: false;
  code: "signature_missing" | "signature_invalid" | "timestamp_stale";
  detail: string;
}>;

export type SignatureResult = Readonly<{ ok: true; verdict: Verdict }> | SignatureRefusal;

/** A webhook as it arrived; `body` is exactly what was sent. */
export type SignedRequest = Readonly<{
  headers: IncomingHttpHeaders;
  body: Uint8Array;
  receivedAt: Nanos;
}>;

/** Never throws for anything that a sender can do. */
export type VerifySignature = (request: SignedRequest) => Promise<SignatureResult>;

export function refused(code: SignatureRefusal["code"], detail: string): SignatureRefusal {
  return { ok: false, code, detail };
}

/**
 * The text of a header; a repeated one comes joined by a comma, as Node hands it over, and so is
 * no valid signature. An empty one says as little as none.
 */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(", ") : value;
  return text === "" ? undefined : text;
}
