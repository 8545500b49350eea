import type { Nanos } from "@counterfoil/core/exact/time";
import { type FrameKind, frameKind } from "@counterfoil/core/translate/translate";

/** A frame as it arrived; `number` counts all frames of its connection from 1. */
export type Frame = Readonly<{
  number: number;
  kind: FrameKind;
  bytes: Uint8Array;
  receivedAt: Nanos;
}>;

/** What the client has to know of a frame before anybody has translated it. */
export type FrameNature = Readonly<{
  kind: FrameKind;
  /** A message that only a subscription brings. */
  isBalance: boolean;
}>;

/** A snapshot may hold 64 MiB; its type stands near its beginning or its end. */
const PREVIEW_BYTES = 8_192;

const BALANCE = /"message(?:T|_t)ype"\s*:\s*"(?:balance-updated|initial-balances?)"/;

export function natureOf(bytes: Uint8Array): FrameNature {
  const text = previewOf(bytes);
  return { kind: frameKind(text), isBalance: BALANCE.test(text) };
}

function previewOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length <= 2 * PREVIEW_BYTES) return buffer.toString();
  return `${buffer.toString("utf8", 0, PREVIEW_BYTES)}${buffer.subarray(-PREVIEW_BYTES)}`;
}
