import features from "@eventstore/db-client/generated/serverfeatures_pb.js";
import type { Empty } from "@eventstore/db-client/generated/shared_pb.js";
import { type handleUnaryCall, status } from "@grpc/grpc-js";
import type { Node } from "./node-state.ts";
import { statusError } from "./status-error.ts";

/** Which methods of the streams service clients are told of, in lower case as the server says it. */
export function serveFeatures(
  node: Node,
): handleUnaryCall<Empty, InstanceType<typeof features.SupportedMethods>> {
  return (_call, callback) => {
    node.seen.add("GetSupportedMethods");
    const listed = node.settings.features;
    if (listed === null) return callback(statusError(status.UNIMPLEMENTED, "unknown service"));
    const methods = listed.map((name) =>
      new features.SupportedMethod()
        .setMethodName(name)
        .setServiceName("event_store.client.streams.streams"),
    );
    const answer = new features.SupportedMethods().setMethodsList(methods);
    callback(null, answer.setEventStoreServerVersion("24.10.14.0"));
  };
}
