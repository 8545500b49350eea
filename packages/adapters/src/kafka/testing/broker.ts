import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "../../testing/free-ports.ts";

/** A real broker on loopback with its own folder. It takes some 400 MB, so a test file uses only one. */
export type TestBroker = Readonly<{
  /** `127.0.0.1:port`, the same after a restart. */
  address: string;
  /** Stops the broker, gracefully or at once, and keeps its data. */
  halt: (how?: "gently" | "at once") => Promise<void>;
  /** Restarts it after a stop. */
  resume: () => Promise<void>;
  /** Stops it and removes its folder. */
  dispose: () => Promise<void>;
}>;

const SCRIPT = fileURLToPath(new URL("../../../../../infra/kafka/broker", import.meta.url));
const run = promisify(execFile);

/** The reason why no broker can be started on this machine; null if one can, after its jars are fetched. */
export function missingForBroker(): string | null {
  const { status, stderr } = spawnSync(SCRIPT, ["fetch"], { encoding: "utf8" });
  return status === 0 ? null : (stderr.trim().split("\n").at(-1) ?? "no broker");
}

type TestBrokerOptions = Readonly<{
  /** Id of another cluster: 22 characters of base64. */
  clusterId?: string;
  /** Settings that replace the defaults, each `name=value`. */
  settings?: readonly string[];
  /** It serves so long that optimized code pays: compiling it takes half of what a start takes. */
  isLongLived?: boolean;
}>;

/** @throws with the broker's output if it does not start */
export async function startBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { clusterId, settings = [], isLongLived = false } = options;
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-kafka-"));
  const port = await freePorts(2);
  writeFileSync(join(folder, "own.properties"), settings.join("\n"));
  const env = {
    ...(isLongLived ? {} : { COUNTERFOIL_KAFKA_JAVA: "-XX:TieredStopAtLevel=1" }),
    ...process.env,
    ...(clusterId && { COUNTERFOIL_KAFKA_CLUSTER: clusterId }),
  };
  const pid = () => Number(readFileSync(join(folder, "pid"), "utf8"));
  const resume = async () => {
    await run(SCRIPT, ["start", folder, String(port)], { env }).catch(
      (error: { stderr?: string }) => {
        throw new Error(`no broker in ${folder}: ${error.stderr}`, { cause: error });
      },
    );
  };
  const halt = async (how: "gently" | "at once" = "gently") => {
    if (how === "at once") process.kill(pid(), "SIGKILL");
    await run(SCRIPT, ["stop", folder]);
  };
  const abandon = () => void spawnSync(SCRIPT, ["stop", folder]);
  // A test run that is cut short must not leave a broker behind.
  process.once("exit", abandon);
  await resume();
  return {
    address: `127.0.0.1:${port}`,
    halt,
    resume,
    dispose: async () => {
      await halt("at once");
      process.off("exit", abandon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
