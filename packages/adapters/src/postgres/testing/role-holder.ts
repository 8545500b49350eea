/**
 * Run by tests as a process of its own: takes a role's lock, says so, and says when it was lost.
 *
 *     node role-holder.ts <url> <ledger> <name>
 */
import { createRoleLocks } from "../role-locks.ts";

const [url = "", ledger = "", name = ""] = process.argv.slice(2);
const held = await createRoleLocks({ url, ledger }).acquire(name, new AbortController().signal);
held?.lost.addEventListener("abort", () => console.log("lost"));
console.log("held");
