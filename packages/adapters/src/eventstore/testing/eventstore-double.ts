import type { EventEmitter } from "node:events";
import gossipGrpc from "@eventstore/db-client/generated/gossip_grpc_pb.js";
import gossip from "@eventstore/db-client/generated/gossip_pb.js";
import featuresGrpc from "@eventstore/db-client/generated/serverfeatures_grpc_pb.js";
import type { Empty } from "@eventstore/db-client/generated/shared_pb.js";
import shared from "@eventstore/db-client/generated/shared_pb.js";
import streamsGrpc from "@eventstore/db-client/generated/streams_grpc_pb.js";
import { type handleUnaryCall, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { LOCALHOST } from "./localhost-certificate.ts";
import { createNetwork, type Network } from "./network.ts";
import { defaultSettings, type Node, type NodeSettings } from "./node.ts";
import { serveAppend } from "./serve-append.ts";
import { serveRead } from "./serve-read.ts";
import { serveTombstone } from "./serve-tombstone.ts";
import { statusError } from "./status-error.ts";
import { createStoredStreams, type StoredStreams } from "./stored-streams.ts";

/**
 * A test double for one node of EventStoreDB on a loopback port. It implements the wire protocol with the
 * client's own generated services, refuses what the server refuses, and fails on demand. It supports the
 * adapter's calls: `Append`, `Read` with subscriptions, `Tombstone`, and the members of a cluster. The
 * client's own append calls are recorded in `seen` and refused. The same suites also run against a real
 * server if there is one, because the double proves nothing about it.
 */
export type EventStoreDouble = Readonly<{
  port: number;
  /** Connection string without user. */
  url: string;
  streams: StoredStreams;
  settings: NodeSettings;
  network: Network;
  /** How many calls of a method (`Append`, `Read`) are open. */
  openCalls(method: string): number;
  /** Every method that was ever called. */
  seen: ReadonlySet<string>;
  /** @throws Error where a client has left a call open. */
  close(): Promise<void>;
}>;

export type DoubleOptions = Readonly<{
  /** Shares the streams of another node. */
  streams?: StoredStreams;
  tls?: boolean;
  /** What discovery answers; by default this node as the leader. */
  members?: () => readonly Member[];
  /** How long a client that has hung up may take to be noticed at the end. */
  leakPatienceMs?: number;
}>;

export async function startEventStoreDouble(
  options: DoubleOptions = {},
): Promise<EventStoreDouble> {
  const settings = defaultSettings();
  const streams = options.streams ?? createStoredStreams();
  let network: Network | null = null;
  const node: Node = {
    streams,
    settings,
    calls: new Map(),
    seen: new Set(),
    cut: () => network?.cut(),
  };
  const self = () => [{ host: "127.0.0.1", port: network?.port ?? 0, isLeader: true }];

  const server = createServer(node, options.members ?? self);
  network = await createNetwork(await bind(server, options.tls ?? false));
  const { port } = network;
  const openCalls = (method: string) => node.calls.get(method) ?? 0;
  const { leakPatienceMs = LEAK_PATIENCE_MS } = options;
  return {
    port,
    url: `esdb://127.0.0.1:${port}?tls=${options.tls ?? false}`,
    streams,
    settings,
    network,
    openCalls,
    seen: node.seen,
    close: async () => {
      const leaked = await leakedCalls(node, leakPatienceMs);
      await network.close();
      server.forceShutdown();
      if (leaked !== null) throw new Error(`calls left open: ${leaked}`);
    },
  };
}

function createServer(node: Node, members: () => readonly Member[]): Server {
  const server = new Server();
  const refuse = refuseCalls(node);
  server.addService(streamsGrpc.StreamsService, {
    append: serveAppend(node),
    read: serveRead(node),
    tombstone: serveTombstone(node),
    batchAppend: (call: EventEmitter) => void call.emit("error", refuse("BatchAppend")),
  });
  server.addService(featuresGrpc.ServerFeaturesService, {
    getSupportedMethods: (_: unknown, callback: (error: Error) => void) =>
      callback(refuse("GetSupportedMethods")),
  });
  server.addService(gossipGrpc.GossipService, { read: serveGossip(members) });
  return server;
}

/** What the client would ask for appends of its own; the adapter never does. */
const refuseCalls =
  ({ seen }: Node) =>
  (method: string) => {
    seen.add(method);
    return statusError(status.UNIMPLEMENTED, `${method} is not served`);
  };

type Member = Readonly<{ host: string; port: number; isLeader: boolean }>;

/** The members of the cluster, for clients that discover it. */
function serveGossip(
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

function bind(server: Server, tls: boolean): Promise<number> {
  const pair = { private_key: Buffer.from(LOCALHOST.key), cert_chain: Buffer.from(LOCALHOST.cert) };
  const credentials = tls
    ? ServerCredentials.createSsl(null, [pair])
    : ServerCredentials.createInsecure();
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

/** A client that has hung up needs a moment to be noticed, a long one on a busy machine. */
const LEAK_PATIENCE_MS = 60_000;

async function leakedCalls({ calls }: Node, patienceMs: number): Promise<string | null> {
  const open = () => [...calls].filter(([, count]) => count > 0);
  const until = performance.now() + patienceMs;
  while (open().length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return open().length === 0
    ? null
    : open()
        .map(([name, count]) => `${count} ${name}`)
        .join(", ");
}
