/**
 * Run by tests as a process or worker of its own: takes a role's lock, says so, and keeps it.
 *
 *     node lock-holder.ts <dataDir> <name>
 */
import { createRoleLocks } from "../role-locks.ts";

const [dataDir = "", name = ""] = process.argv.slice(2);
const held = await createRoleLocks({ dataDir }).acquire(name, new AbortController().signal);
console.log("held");
setInterval(() => held?.lost.throwIfAborted(), 1000);
