/**
 * Run by tests in a separate process or worker: takes a role's lock, prints that, and keeps it.
 *
 *     node lock-holder.ts <dataDir> <name>
 */
import { createRoleLocks } from "../role-locks.ts";

const [dataDir = "", name = ""] = process.argv.slice(2);
const held = await createRoleLocks({ dataDir }).acquire(name, new AbortController().signal);
console.log("held");
setInterval(() => held?.lost.throwIfAborted(), 1000);
