import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { balanceBody } from "../system/messages.ts";
import { createApi, whenFolded } from "./support/api.ts";
import { addressOf, endAllProcesses, runCommand, startRole } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { sendWebhook } from "./support/send.ts";
import { configOf } from "./support/stand-in.ts";

const ESC = "\u001b";
/** Clears the screen, colours what follows, says something in a line of its own, and turns the text. */
const HOSTILE = `${ESC}[2J${ESC}[31m\nNobody is needed.\r\u009b1m\u202ex`;
const ASSET = `B${HOSTILE}`;
const PAYMENT = `p${HOSTILE}`;
const env = configOf(newFolder());
let withdrawal: string;
let head: string;

beforeAll(async () => {
  const address = await addressOf(startRole(["start"], env));
  const send = (payloadType: string, body: object) =>
    sendWebhook(address, { provider: "zerohash", payloadType, body: JSON.stringify(body) });
  const at = Date.UTC(2026, 2, 1);
  const account = { asset: ASSET };
  const runs = [
    { run: 1, change: "1", balance: "1", at, account },
    { run: 3, change: "1", balance: "9", at: at + 1000, account },
  ];
  for (const run of runs) await send("account_balance.changed", balanceBody(run));
  const payment = { participant_code: "CUST01", account_group: "PLAT01", payment_id: PAYMENT };
  const status = { payment_status: `odd${HOSTILE}`, asset: ASSET, amount: "5", timestamp: at };
  const last = await send("payment_status_changed", { ...payment, ...status });
  const api = createApi(address);
  ({ head } = await whenFolded(api, Number(last?.position)));
  const [first] = await api.get<readonly { id: string }[]>("/v1/withdrawals");
  withdrawal = first?.id ?? "none";
  expect(withdrawal).toMatch(ESC);
  await endAllProcesses();
});
afterAll(removeFolders);

test.each<[string, () => readonly string[]]>([
  ["status", () => ["status"]],
  ["totals", () => ["totals"]],
  ["search", () => ["search", "DEF456"]],
  ["search for what it is not", () => ["search", `n${HOSTILE}`]],
  ["anomalies", () => ["anomalies", "list"]],
  ["quarantine", () => ["quarantine", "list"]],
  ["explain", () => ["explain", "withdrawal", withdrawal]],
  ["replay --diff", () => ["replay", "--diff", "1", head]],
  ["replay --account", () => ["replay", "--to", head, "--account", `zerohash:DEF456${HOSTILE}`]],
  ["verify", () => ["verify"]],
])("a terminal obeys nothing of a provider's text in what is printed by %s", async (_, args) => {
  const { stdout, stderr } = await runCommand(args(), env);
  const printed = (stdout + stderr).replaceAll("\n", "");
  expect(printed).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  expect(stdout.split("\n").filter((line) => line.startsWith("Nobody"))).toEqual([]);
});

test("they are shown instead", async () => {
  const { stdout } = await runCommand(["totals"], env);
  expect(stdout).toContain(
    "B\\u001b[2J\\u001b[31m\\u000aNobody is needed.\\u000d\\u009b1m\\u202ex",
  );
  const { stdout: json } = await runCommand(["totals", "--json"], env);
  expect(JSON.parse(json).data).toMatchObject([{ asset: ASSET }]);
});
