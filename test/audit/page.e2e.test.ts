import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { withdrawnEvent } from "@counterfoil/core/ingest/event";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import { ROOT } from "../support/module-graph.ts";
import { ACCOUNT_ID, playScenario } from "../system/messages.ts";
import { hashing, openTestLedger, runs } from "../system/support.ts";
import { auditor } from "./proofs.ts";

const CHROMIUM = "/usr/bin/chromium";
const FOLDER = join(ROOT, "packages/proof-check");
type Make = Readonly<Record<"makePage" | "makeScript", () => string>>;
const { makePage, makeScript }: Make = await import(join(FOLDER, "make.mjs"));

test.each([
  ["check.mjs", makeScript],
  ["check.html", makePage],
])("%s is made from src/: write it anew with `node make.mjs`", (name, make) => {
  expect(readFileSync(join(FOLDER, name), "utf8")).toBe(make());
});

const describeBrowser = existsSync(CHROMIUM) ? describe : describe.skip;

describeBrowser("the page, opened from a disk (needs Chromium)", () => {
  let browser: Browser;
  let page: Page;
  let text: string;
  let key: string;
  let head: string;
  let withdrawn: string;

  beforeAll(async () => {
    const ledger = await openTestLedger();
    ledger.clock.set(1_790_000_000_000_000_000n);
    await playScenario(ledger, "balances-feed-use-cases");
    await ledger.catchUp();
    const { prove, signer, end } = auditor(ledger);
    const proof = await prove(ACCOUNT_ID);
    [text, key, head] = [proof.text, await signer.publicKey(), JSON.stringify(proof.head, null, 2)];
    const events = await ledger.events(["BalanceReported"]);
    const { id, type, data, ...event } = events.findLast(
      ({ subject }) => subject === ACCOUNT_ID,
    ) as RecordedEvent;
    const cause = { deliveryId: event.causation_id, correlationId: null };
    const { position } = await ledger.stream.head();
    const fact = { id, type, data: JSON.parse(data) };
    await ledger.stream.append(position, [withdrawnEvent(fact, 99, cause, hashing)]);
    withdrawn = (await prove(ACCOUNT_ID)).text;
    end();
    await ledger.close();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    page = await browser.newPage();
    await page.goto(pathToFileURL(join(FOLDER, "check.html")).href);
  });

  afterAll(async () => {
    await browser?.close();
  });

  async function said(proof: string, brought: string): Promise<string> {
    await page.evaluate("document.getElementById('verdict').hidden = true");
    await page.fill("#proof", proof);
    await page.fill("#brought", brought);
    await page.click("button");
    const lines = page.locator("#verdict:not([hidden]) p");
    await lines.first().waitFor();
    return (await lines.allTextContents()).join(" ");
  }

  test("says in words that the documented withdrawal's balance holds", async () => {
    for (const brought of [key, head]) {
      const words = await said(text, brought);
      expect(words).toMatch(/^It holds\./);
      expect(words).toContain(`${ACCOUNT_ID} holds 0.35 after position`);
    }
    expect(await said(text, "")).toMatch(/^Consistent; the signer is not checked\./);
  });

  test("names what was withdrawn although the bytes state it", async () => {
    const words = await said(withdrawn, key);
    expect(words).toMatch(/^It holds\./);
    expect(words).toMatch(
      / the bytes of position \d+ still state run \d+, balance [\d.]+: it was withdrawn at position \d+\./,
    );
  });

  test("says that it does not, and why", async () => {
    expect(await said(text, "ab".repeat(32))).toMatch(/^It does not hold\. .*none of those/);
    expect(await said(text, "{}")).toMatch(/^What you brought is no head and no key\./);
    const random = createRandom("page");
    for (let run = 0; run < runs(40); run += 1) {
      const at = random.below(text.length);
      const other = text[at] === "0" ? "1" : "0";
      const altered = text.slice(0, at) + other + text.slice(at + 1);
      expect(await said(altered, key)).toMatch(/^It does not hold\./);
    }
  });
});
