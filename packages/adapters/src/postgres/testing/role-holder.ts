/**
 * Run by tests in a separate process: takes a role's lock, and prints when it is held and when lost.
 *
 *     node role-holder.ts <url> <ledger> <name>
 */
import { createRoleLocks } from "../role-locks.ts";

const [url = "", ledger = "", name = ""] = process.argv.slice(2);
const held = await createRoleLocks({ url, ledger }).acquire(name, new AbortController().signal);
held?.lost.addEventListener("abort", () => console.log("lost"));
console.log("held");
