import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import type { NodeSettings } from "./node.ts";

/** A call's end with the trailers by which clients tell errors apart. */
export function statusError(
  code: number,
  details: string,
  trailers: Readonly<Record<string, string>> = {},
): StatusObject & Error {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
  return Object.assign(new Error(details), { code, details, metadata });
}

export const invalid = (details: string) => statusError(status.INVALID_ARGUMENT, details);

export const deleted = (stream: string) =>
  statusError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: "stream-deleted",
    "stream-name": stream,
  });

export const denied = () =>
  statusError(status.PERMISSION_DENIED, "Access Denied", { exception: "access-denied" });

export const notLeader = (leader: NodeSettings["leader"]) =>
  statusError(status.NOT_FOUND, "Leader info available", {
    exception: "not-leader",
    "leader-endpoint-host": leader?.host ?? "",
    "leader-endpoint-port": String(leader?.port ?? 0),
  });

export const missingProperty = (required: string) =>
  statusError(status.INVALID_ARGUMENT, `Required Metadata Property '${required}' is missing`, {
    exception: "missing-required-metadata-property",
    "required-metadata-properties": required,
  });

export const tooLarge = (max: number) =>
  statusError(status.INVALID_ARGUMENT, `Maximum Append Size of ${max} Exceeded.`, {
    exception: "maximum-append-size-exceeded",
    "maximum-append-size": String(max),
  });

export const notReady = () => statusError(status.UNAVAILABLE, "Server Is Not Ready");

export const timedOut = () =>
  statusError(status.ABORTED, "Operation timed out: Commit phase timeout.");
