import { mkdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import { withdrawnEvent } from "@counterfoil/core/ingest/event";
import { createHeads } from "@counterfoil/processing/audit/heads";
import { createRandom } from "@counterfoil/simulator/random";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { ROOT } from "../support/module-graph.ts";
import { exportText } from "../system/exports.ts";
import { ACCOUNT_ID, playScenario, take } from "../system/messages.ts";
import { hashing, openTestLedger, runs } from "../system/support.ts";
import { hasChromium, PAGE, shown, shownAfterCheck, startBrowser, startPage } from "./page.ts";
import { auditor, checkByNode } from "./proofs.ts";

const FOLDER = join(ROOT, "packages/proof-check");
type Make = Readonly<Record<"makePage" | "makeScript", () => string>>;
const { makePage, makeScript }: Make = await import(join(FOLDER, "make.mjs"));

test.each([
  ["check.mjs", makeScript],
  ["check.html", makePage],
])("%s is made from src/: write it anew with `node make.mjs`", (name, make) => {
  expect(readFileSync(join(FOLDER, name), "utf8")).toBe(make());
});

const describeBrowser = hasChromium ? describe : describe.skip;

describeBrowser("the page, opened from a disk (needs Chromium)", () => {
  let browser: Browser;
  let page: Page;
  let its: ReturnType<typeof auditor>;
  let key: string;
  let text: string;
  let withdrawn: string;
  /** Where the auditor's files are. */
  let [proof, altered, head, keyFile, ledgerFile] = ["", "", "", "", ""];

  beforeAll(async () => {
    const ledger = await openTestLedger();
    ledger.clock.set(1_790_000_000_000_000_000n);
    await playScenario(ledger, "balances-feed-use-cases");
    await ledger.catchUp();
    its = auditor(ledger);
    const made = await its.prove(ACCOUNT_ID);
    [text, key] = [made.text, await its.signer.publicKey()];
    proof = its.file("proof.json", text);
    altered = its.file("altered.json", text.replace('"balance":"0.35"', '"balance":"9.35"'));
    head = its.file("head.json", JSON.stringify(made.head, null, 2));
    keyFile = its.file("head.pub", `${key}\n`);
    const last = await createHeads(its.options).make();
    ledgerFile = its.file("ledger.jsonl", await exportText(ledger.stream, { head: last }));
    const events = await ledger.events(["BalanceReported"]);
    const { id, type, data, ...event } = events.findLast(
      ({ subject }) => subject === ACCOUNT_ID,
    ) as RecordedEvent;
    const cause = { deliveryId: event.causation_id, correlationId: null };
    const { position } = await ledger.stream.head();
    const fact = { id, type, data: JSON.parse(data) };
    await ledger.stream.append(position, [withdrawnEvent(fact, 99, cause, hashing)]);
    withdrawn = (await its.prove(ACCOUNT_ID)).text;
    await ledger.close();
    browser = await startBrowser("--host-resolver-rules=MAP auditor.test 127.0.0.1");
  });

  afterAll(async () => {
    await browser?.close();
    its?.end();
  });

  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(PAGE);
  });

  afterEach(async () => {
    await page.close();
  });

  const status = () => page.getByRole("status");
  const choose = (id: "proof" | "brought", ...files: readonly string[]) =>
    page.setInputFiles(`#${id}-file`, [...files]);

  /** Of texts in both fields. */
  async function said(proof: string, brought: string): Promise<string> {
    await page.fill("#proof", proof);
    await page.fill("#brought", brought);
    const { heading, said, of } = await shownAfterCheck(page);
    return [heading, ...said, of].join(" ");
  }

  /** The page with something else in it, as a file beside the others. */
  async function openAltered(from: string | RegExp, to: string): Promise<void> {
    const source = readFileSync(join(FOLDER, "check.html"), "utf8");
    const other = source.replace(from, to);
    expect(other).not.toBe(source);
    await page.goto(pathToFileURL(its.file("check.html", other)).href);
  }

  describe("a verdict", () => {
    test("is that the documented withdrawal's balance holds", async () => {
      for (const brought of [key, readFileSync(head, "utf8")]) {
        const words = await said(text, brought);
        expect(words).toMatch(/^It holds\./);
        expect(words).toContain(`${ACCOUNT_ID} holds 0.35 after position`);
      }
      expect(await said(text, "")).toMatch(/^Consistent; the signer is not checked\./);
    });

    test("names the file, its size, and the key or head against which it was checked", async () => {
      const size = Buffer.byteLength(text).toLocaleString("en");
      await choose("proof", proof);
      const against = async () => {
        const { of } = await shownAfterCheck(page);
        const start = `The file: proof.json, ${size} bytes. Checked against: `;
        expect(of.slice(0, start.length)).toBe(start);
        return of.slice(start.length);
      };
      expect(await against()).toBe("no key and no head.");
      await page.fill("#brought", key);
      expect(await against()).toBe(`the key ${key}.`);
      await choose("brought", keyFile);
      expect(await page.inputValue("#brought")).toBe("");
      expect(await against()).toBe(`the key ${key} (head.pub, 65 bytes).`);
      await choose("brought", head);
      const { position, signed_at, key_id } = JSON.parse(readFileSync(head, "utf8"));
      expect(await against()).toMatch(
        `the head over position ${position} of ledger default, signed ${signed_at} by key ${key_id} (head.json, `,
      );
      expect(await said(text, key)).toContain(`The file: the text in the field, ${size} bytes.`);
    });

    test("names what was withdrawn although the bytes state it", async () => {
      const words = await said(withdrawn, key);
      expect(words).toMatch(/^It holds\./);
      expect(words).toMatch(
        / the bytes of position \d+ still state run \d+, balance [\d.]+: it was withdrawn at position \d+/,
      );
    });

    test("says that it does not hold, and why", async () => {
      expect(await said(text, "ab".repeat(32))).toMatch(/^It does not hold\. .*none of those/);
      const random = createRandom("page");
      for (let run = 0; run < runs(10); run += 1) {
        const at = random.below(text.length);
        const other = text[at] === "0" ? "1" : "0";
        const altered = text.slice(0, at) + other + text.slice(at + 1);
        expect(await said(altered, key)).toMatch(/^It does not hold\./);
      }
    });

    test("is gone when another file is chosen, a field is edited or cleared, or files are dropped", async () => {
      const changes: readonly (() => Promise<unknown>)[] = [
        () => choose("proof", altered),
        () => choose("proof"),
        () => choose("brought", head),
        () => choose("brought"),
        () => page.fill("#brought", ""),
        () => page.locator("#brought").pressSequentially("0"),
        () => page.fill("#proof", "{}"),
        () => drop(altered),
      ];
      for (const change of changes) {
        await choose("proof", proof);
        await page.fill("#brought", key);
        expect((await shownAfterCheck(page)).heading).toBe("It holds.");
        await change();
        await page.locator("#verdict:not([data-code])").waitFor({ state: "attached" });
        expect(await status().textContent()).not.toContain("holds");
      }
    });

    test("of an altered file after a good one is of the altered one", async () => {
      await page.fill("#brought", key);
      await choose("proof", proof);
      expect((await shownAfterCheck(page)).heading).toBe("It holds.");
      await choose("proof", altered);
      const { heading, of } = await shownAfterCheck(page);
      expect([heading, of]).toEqual([
        "It does not hold.",
        expect.stringContaining("The file: altered.json, "),
      ]);
    });

    test("of nothing is none", async () => {
      await page.click("button[type=submit]");
      await status().getByText("Choose the proof or the export first.").waitFor();
      expect(await page.locator("#verdict[data-code]").count()).toBe(0);
    });
  });

  describe("where this browser cannot check, it says so, why, and what to do", () => {
    const unable = async () => {
      await choose("proof", proof);
      await page.fill("#brought", key);
      const { code, heading, said } = await shownAfterCheck(page);
      expect([code, heading]).toEqual([2, "This browser cannot check it here."]);
      expect(said.join(" ")).toContain("check with check.mjs or check.py");
      return said.join(" ");
    };

    test("over http from another machine, as soon as the page is opened", async () => {
      const server = createServer((_, answer) => {
        answer.setHeader("content-type", "text/html");
        answer.end(readFileSync(join(FOLDER, "check.html")));
      });
      await new Promise<void>((done) => {
        server.listen(0, "127.0.0.1", done);
      });
      const { port } = server.address() as AddressInfo;
      const origin = `http://auditor.test:${port}`;
      await page.goto(`${origin}/check.html`);
      expect((await shown(page)).heading).toBe("This browser cannot check it here.");
      expect(await unable()).toContain(`no cryptography to a page from ${origin}. Save check.html`);
      server.closeAllConnections();
      server.close();
    });

    const NO_ED25519 = `crypto.subtle.importKey = async () => {
      throw new DOMException("Algorithm: Unrecognized name", "NotSupportedError");
    };`;

    test.each([
      ["without Ed25519", NO_ED25519, /Ed25519 signatures: Algorithm: Unrecognized name/],
      ["too old for exact numbers", "delete JSON.rawJSON", /does not read every digit/],
      [
        "with another idea of signatures",
        "crypto.subtle.verify = async () => false",
        /Ed25519 signatures is wrong/,
      ],
      ["without workers", "delete globalThis.Worker", /Worker is not defined/],
    ])("%s", async (_, script, why) => {
      await page.addInitScript(script);
      await page.reload();
      expect(await unable()).toMatch(why);
    });

    test.each([
      ["whose worker has no Ed25519", NO_ED25519, /Algorithm: Unrecognized name/],
      ["whose worker has no crypto", "delete WorkerGlobalScope.prototype.crypto", /Ed25519/],
      ["whose worker does not start", "syntax error", /SyntaxError/],
    ])("%s", async (_, script, why) => {
      await openAltered('"use strict";', `"use strict";\n${script};`);
      await choose("proof", proof);
      await page.fill("#brought", key);
      const { heading, said } = await shownAfterCheck(page);
      expect([heading, said.join(" ")]).toEqual([
        "This browser cannot check it here.",
        expect.stringMatching(why),
      ]);
    });

    test("a file that is gone", async () => {
      await choose("proof", its.file("gone.json", text));
      rmSync(join(dirname(proof), "gone.json"));
      const { heading, said } = await shownAfterCheck(page);
      expect([heading, said[0]]).toEqual([
        "This browser cannot check it here.",
        expect.stringMatching(/^the file could not be read: .* Choose it again\./),
      ]);
    });
  });

  describe("says the same as check.mjs", () => {
    let asked: ReturnType<typeof startPage>;
    beforeAll(() => {
      asked = startPage();
    });
    afterAll(() => asked.end());

    async function expectSame(file: string, code: number): Promise<void> {
      const args = [file, "--key", key];
      const byNode = await checkByNode(args);
      expect([file, byNode[0]]).toEqual([file, code]);
      expect([file, await asked.check(args)]).toEqual([file, byNode]);
    }

    test("of a proof and an export, and of what else a file may hold", async () => {
      await expectSame(proof, 0);
      await expectSame(ledgerFile, 0);
      const ledger = readFileSync(ledgerFile, "utf8");
      const bytesWith = (of: string) => {
        const bytes = Buffer.from(of);
        bytes[bytes.length - 40] = 0xff;
        return bytes;
      };
      const files: Readonly<Record<string, string | Buffer>> = {
        "empty.json": "",
        "list.json": "[]",
        "bom.json": `\ufeff${text}`,
        "newline.json": `${text}\n`,
        "pretty.json": JSON.stringify(JSON.parse(text), null, 1),
        "utf16.json": Buffer.from(text, "utf16le"),
        "invalid.json": bytesWith(text),
        "replaced.json": `${text.slice(0, -40)}\ufffd${text.slice(-39)}`,
        "binary.json": Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * 151) % 256)),
        "deep.json": "[".repeat(200_000),
        "head.json": readFileSync(head),
        "bom.jsonl": `\ufeff${ledger}`,
        "cut.jsonl": ledger.slice(0, -1),
        "half.jsonl": ledger.slice(0, ledger.length / 2),
        "behind.jsonl": `${ledger}{}\n`,
        "returns.jsonl": ledger.replaceAll("\n", "\r\n"),
        "invalid.jsonl": bytesWith(ledger),
        "altered.jsonl": ledger.replace('"type":"BalanceReported"', '"type":"BalanceReporteD"'),
      };
      for (const [name, content] of Object.entries(files))
        await expectSame(its.file(name, content as string), 1);
    });

    test("of 100 MB that are no proof", async () => {
      const file = its.file("zeros.json", "");
      truncateSync(file, 100_000_000);
      await expectSame(file, 1);
    });

    test("of an export in more parts than one, with lines across them", async () => {
      // A body of 1.5 MB, which does not end where a part does.
      const ledger = await openTestLedger();
      for (const length of [1_500_000, 10, 3_000_000])
        await take(ledger, { body: { text: "é".repeat(length / 2) }, payloadType: "unknown" });
      const other = auditor(ledger);
      const end = await createHeads(other.options).make();
      const exported = await exportText(ledger.stream, { head: end });
      const args = (name: string, content: string) => [
        its.file(name, content),
        "--key",
        end.public_key,
      ];
      for (const [name, content, code] of [
        ["large.jsonl", exported, 0],
        ["large-altered.jsonl", exported.replace(/"base64":"(.{1500000})./, '"base64":"$1A'), 1],
      ] as const) {
        const byNode = await checkByNode(args(name, content));
        expect([name, byNode[0]]).toEqual([name, code]);
        expect(await asked.check(args(name, content))).toEqual(byNode);
      }
      other.end();
      await ledger.close();
    });
  });

  describe("a large file", () => {
    test("does not go through a field, and is refused where it is too large for a page", async () => {
      const file = its.file("large.json", "");
      truncateSync(file, 300_000_000);
      await choose("proof", file);
      const { code, heading, said, of } = await shownAfterCheck(page);
      expect([code, heading, of]).toEqual([
        2,
        "This browser cannot check it here.",
        expect.stringContaining("large.json, 300,000,000 bytes"),
      ]);
      expect(said).toEqual([
        "it has more than 200000000 bytes, which are read at once: check.mjs and check.py read larger ones",
      ]);
      const start = readFileSync(ledgerFile, "utf8").split("\n")[0];
      const exported = its.file("large.jsonl", `${start}\n`);
      for (const [size, why] of [
        [300_000_000, "line 2 has more than 200000000 bytes: check.mjs and"],
        [9_000_000_000, "it has more than 8000000000 bytes: check.mjs and"],
      ] as const) {
        truncateSync(exported, size);
        await choose("proof", exported);
        expect((await shownAfterCheck(page)).said.join()).toContain(why);
      }
    });

    test("is being checked: the page says so, answers, and can end it", async () => {
      await openAltered('"use strict";', '"use strict";\nfor (;;) {}');
      await choose("proof", proof);
      const size = Buffer.byteLength(text).toLocaleString("en");
      const begin = async () => {
        const started = page.waitForEvent("worker");
        await page.click("button[type=submit]");
        await status().getByText(`Checking proof.json, ${size} bytes…`).waitFor();
        const worker = await started;
        return worker.waitForEvent("close");
      };
      const cancelled = begin();
      await page.getByRole("progressbar").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await cancelled;
      await status().getByText("Cancelled: nothing was checked.").waitFor();
      expect(await page.locator("button:focus").textContent()).toBe("Check");
      expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
      // A change of a field ends it as well.
      const changed = begin();
      await page.getByRole("button", { name: "Cancel" }).waitFor();
      await choose("proof", altered);
      await changed;
      expect(await status().textContent()).toBe("");
    });

    test("shows nothing of the former one while it is checked", async () => {
      await openAltered(
        "self.postMessage(await checkFiles(file, brought));",
        "if (brought.size > 0) self.postMessage(await checkFiles(file, brought));",
      );
      await choose("proof", proof);
      await choose("brought", keyFile);
      expect((await shownAfterCheck(page)).heading).toBe("It holds.");
      await choose("brought");
      await page.click("button[type=submit]");
      await status().getByText("Checking proof.json").waitFor();
      expect(await status().textContent()).not.toContain("It holds");
    });

    test("is not pasted into a field", async () => {
      await page.locator("#proof").focus();
      await page.keyboard.insertText("x".repeat(1_000_001));
      await status().getByText("choose the file instead").waitFor();
      expect(await page.inputValue("#proof")).toBe("");
      await page.keyboard.insertText("x".repeat(1_000_000));
      expect((await page.inputValue("#proof")).length).toBe(1_000_000);
    });
  });

  /** Drops files on the page, as a hand does. */
  async function drop(...files: readonly string[]): Promise<void> {
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [...files], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const)
      await session.send("Input.dispatchDragEvent", { type, x: 200, y: 40, data });
    await session.detach();
  }

  describe("files that are dropped on the page", () => {
    test.each([
      ["a proof and a head", () => [proof, head]],
      ["a key and a proof", () => [keyFile, proof]],
      ["an export and a head", () => [ledgerFile, head]],
    ])("%s: they are told apart", async (_, files) => {
      await drop(...files());
      await status().getByText(" is taken as the proof or the export.").waitFor();
      await status().getByText(" is taken as the head or the key.").waitFor();
      expect(page.url()).toBe(PAGE);
      expect((await shownAfterCheck(page)).heading).toBe("It holds.");
    });

    test("one after the other go where they belong", async () => {
      await page.fill("#proof", "{}");
      await drop(head);
      await status().getByText("head.json is taken as the head or the key.").waitFor();
      await drop(proof);
      await status().getByText("proof.json is taken as the proof or the export.").waitFor();
      expect(await page.inputValue("#proof")).toBe("");
      expect((await shownAfterCheck(page)).heading).toBe("It holds.");
    });

    test.each([
      [
        "two proofs",
        () => [proof, altered],
        "proof.json and altered.json are no heads and no keys.",
      ],
      ["a head and a key", () => [head, keyFile], "head.json and head.pub are heads or keys."],
      [
        "three",
        () => [proof, head, altered],
        "proof.json and altered.json are no heads and no keys.",
      ],
      ["a folder", () => [join(dirname(proof), "folder")], "folder could not be read: drop files"],
    ])("%s: they are refused", async (_, files, why) => {
      mkdirSync(join(dirname(proof), "folder"), { recursive: true });
      await drop(...files());
      await status().getByText(why).waitFor();
      expect(page.url()).toBe(PAGE);
      for (const id of ["proof", "brought"]) expect(await page.inputValue(`#${id}-file`)).toBe("");
    });
  });

  describe("what is no head and no key", () => {
    test.each([
      ["upper-case digits", () => key.toUpperCase(), "Its hex digits are upper-case."],
      ["too few digits", () => key.slice(1), "It has 63 digits."],
      ["a proof", () => text, /^form: head: expected an object with the fields/],
      ["an object", () => "{}", /^form: head: expected an object with the fields/],
      ["words", () => "my key", "It is no JSON."],
      ["an altered head", () => readFileSync(head, "utf8").replace("default", "other"), /^its sig/],
      ["a head behind a mark", () => `\ufeff${readFileSync(head, "utf8")}`, "It is no JSON."],
      ["a provider's key", () => "-----BEGIN PUBLIC KEY-----", /^It is a provider's public key/],
    ])("%s: it says what was expected", async (_, brought, why) => {
      await choose("proof", proof);
      await choose("brought", its.file("brought", brought()));
      const { code, heading, said } = await shownAfterCheck(page);
      expect([code, heading]).toEqual([2, "What you brought is no head and no key."]);
      expect(said).toEqual([
        typeof why === "string" ? why : expect.stringMatching(why),
        "Expected 64 lower-case hex digits, or a signed head as JSON, as `counterfoil head` prints it.",
      ]);
    });
  });

  test("has a main landmark, names for all fields, and one status that is always there", async () => {
    await page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
    expect(await page.getByRole("main").getByRole("status").count()).toBe(1);
    for (const name of [/^A file \(proof/, /^or the text of/, /^A file \(head/, /^or its text/])
      expect(await page.getByLabel(name).count()).toBe(1);
  });

  test("asks for nothing but itself", async () => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.reload();
    await choose("proof", proof);
    await page.fill("#brought", key);
    expect((await shownAfterCheck(page)).heading).toBe("It holds.");
    expect(asked.filter((url) => !url.startsWith("blob:"))).toEqual([PAGE]);
  });
});
