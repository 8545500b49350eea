import { fileURLToPath } from "node:url";
import type { Environment, LogLine, RunningProcess } from "./counterfoil.ts";

const FILE = fileURLToPath(new URL("./watch-loop.ts", import.meta.url));

/** For a service whose event loop shall be watched; see watch-loop.ts. */
export const WATCHED: Environment = { NODE_OPTIONS: `--import=${FILE}` };

/** The longest turns of a watched service's event loop since it was last asked, in ms of a processor. */
export async function longestTurns(
  role: RunningProcess,
  asked: Set<LogLine>,
): Promise<readonly number[]> {
  role.signal("SIGUSR2");
  const line = await role.whenLogged((each) => each.msg === "event loop" && !asked.has(each));
  asked.add(line);
  return line.longest as readonly number[];
}
