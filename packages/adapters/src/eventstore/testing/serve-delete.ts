import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { DeleteReq, TombstoneReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { handleUnaryCall } from "@grpc/grpc-js";
import type { Node } from "./node-state.ts";

type Request = Readonly<{
  getOptions(): DeleteReq.Options | TombstoneReq.Options | undefined;
}>;

/** A soft delete: all of it is truncated, and its numbering goes on with the next append. */
export function serveDelete(
  node: Node,
): handleUnaryCall<DeleteReq, InstanceType<typeof streams.DeleteResp>> {
  return ({ request }, callback) => {
    node.streams.softDelete(nameOf(request));
    callback(null, new streams.DeleteResp().setNoPosition(new shared.Empty()));
  };
}

/** The end of a stream, for good. */
export function serveTombstone(
  node: Node,
): handleUnaryCall<TombstoneReq, InstanceType<typeof streams.TombstoneResp>> {
  return ({ request }, callback) => {
    node.streams.tombstone(nameOf(request));
    callback(null, new streams.TombstoneResp().setNoPosition(new shared.Empty()));
  };
}

function nameOf(request: Request): string {
  const name = request.getOptions()?.getStreamIdentifier()?.getStreamName_asU8();
  return Buffer.from(name ?? new Uint8Array()).toString();
}
