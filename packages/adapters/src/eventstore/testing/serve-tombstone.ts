import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { TombstoneReq } from "@eventstore/db-client/generated/streams_pb.js";
import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { handleUnaryCall } from "@grpc/grpc-js";
import { enterCall, isWrongNode, mayWrite, type Node } from "./node.ts";
import { deleted, denied, invalid, notLeader, timedOut } from "./status-error.ts";

type Response = InstanceType<typeof streams.TombstoneResp>;

/** Deletes a stream for good, whatever its revision and whether it is there; only once. */
export function serveTombstone(node: Node): handleUnaryCall<TombstoneReq, Response> {
  return (call, callback) => {
    const leave = enterCall(node, "Tombstone");
    leave();
    const options = call.request.getOptions();
    const name = options?.getStreamIdentifier()?.getStreamName_asU8();
    if (name === undefined || !options?.hasAny()) {
      return callback(invalid("only tombstones at any revision are served"));
    }
    const stream = Buffer.from(name).toString();
    if (!mayWrite(node, stream, call.metadata)) return callback(denied());
    if (isWrongNode(node, call.metadata)) return callback(notLeader(node.settings.leader));
    const fault = node.settings.faultOf({ stream, expected: -2, events: [] });
    if (fault === "denied") return callback(denied());
    if (fault === "timeout_lost") return callback(timedOut());
    if (node.streams.read(stream).is === "deleted") return callback(deleted(stream));
    node.streams.tombstone(stream);
    if (fault === "timeout_written") return callback(timedOut());
    callback(null, new streams.TombstoneResp().setNoPosition(new shared.Empty()));
  };
}
