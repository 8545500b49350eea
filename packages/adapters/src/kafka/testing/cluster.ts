import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "../../testing/free-ports.ts";
import type { KafkaConnection } from "../client.ts";

export type ClusterUser = "admin" | "publisher";
type NodeId = (typeof NODES)[number];

/** Three real brokers on loopback with TLS, SCRAM-SHA-512 and access rights by user; some 700 MB in all. */
export type TestCluster = Readonly<{
  /** The brokers 1, 2 and 3, each `127.0.0.1:port`. */
  addresses: readonly string[];
  /** The file of the authority that issued the brokers' certificates. */
  caFile: string;
  passwordOf: (user: ClusterUser) => string;
  connectionAs: (user: ClusterUser) => KafkaConnection;
  /** Kills some brokers; their data is kept. */
  kill: (...nodes: readonly NodeId[]) => Promise<void>;
  /** Restarts killed brokers. */
  resume: (...nodes: readonly NodeId[]) => Promise<void>;
  /** Resident memory of the running brokers in MiB. */
  memory: () => number;
  dispose: () => Promise<void>;
}>;

export const NODES = [1, 2, 3] as const;
const SCRIPT = fileURLToPath(new URL("../../../../../infra/kafka/cluster", import.meta.url));
const run = promisify(execFile);

/** @throws with the brokers' output if they do not start */
export async function startCluster(): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-kafka-cluster-"));
  const port = await freePorts(2 * NODES.length);
  const addresses = NODES.map((_, at) => `127.0.0.1:${port + 2 * at}`);
  const caFile = join(folder, "ca.pem");
  const running = new Set<NodeId>();
  const pidOf = (node: NodeId) => Number(readFileSync(join(folder, String(node), "pid"), "utf8"));
  const resume = async (...nodes: readonly NodeId[]) => {
    const args = ["start", folder, String(port), ...nodes.map(String)];
    await run(SCRIPT, args).catch((error: { stderr?: string }) => {
      throw new Error(`no cluster in ${folder}: ${error.stderr}`, { cause: error });
    });
    for (const node of nodes) running.add(node);
  };
  const kill = async (...nodes: readonly NodeId[]) => {
    for (const node of nodes) {
      process.kill(pidOf(node), "SIGKILL");
      running.delete(node);
    }
    await run(SCRIPT, ["stop", folder, ...nodes.map(String)]);
  };
  const abandon = () => void spawnSync(SCRIPT, ["stop", folder]);
  // A test run that is cut short must not leave brokers behind.
  process.once("exit", abandon);
  await resume(...NODES);
  const passwordOf = (user: ClusterUser) => `${user}-secret`;
  return {
    addresses,
    caFile,
    passwordOf,
    connectionAs: (username) => ({
      brokers: addresses,
      tls: { ca: readFileSync(caFile, "utf8") },
      sasl: { mechanism: "scram-sha-512", username, password: passwordOf(username) },
    }),
    kill,
    resume,
    memory: () => [...running].reduce((sum, node) => sum + residentMib(pidOf(node)), 0),
    dispose: async () => {
      await kill(...running);
      process.off("exit", abandon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function residentMib(pid: number): number {
  const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return Math.round(Number(stdout) / 1024);
}
