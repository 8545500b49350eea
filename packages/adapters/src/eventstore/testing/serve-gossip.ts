import gossip from "@eventstore/db-client/generated/gossip_pb.js";
import type { Empty } from "@eventstore/db-client/generated/shared_pb.js";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import type { handleUnaryCall } from "@grpc/grpc-js";

export type Member = Readonly<{ host: string; port: number; isLeader: boolean }>;

/** The members of the cluster, for clients that discover it. */
export function serveGossip(
  members: () => readonly Member[],
): handleUnaryCall<Empty, InstanceType<typeof gossip.ClusterInfo>> {
  const { VNodeState } = gossip.MemberInfo;
  return (_call, callback) => {
    const list = members().map(({ host, port, isLeader }) =>
      new gossip.MemberInfo()
        .setInstanceId(new shared.UUID().setString(crypto.randomUUID()))
        .setTimeStamp("0")
        .setState(isLeader ? VNodeState.LEADER : VNodeState.FOLLOWER)
        .setIsAlive(true)
        .setHttpEndPoint(new gossip.EndPoint().setAddress(host).setPort(port)),
    );
    callback(null, new gossip.ClusterInfo().setMembersList(list));
  };
}
