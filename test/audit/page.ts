import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { ROOT } from "../support/module-graph.ts";
import { type Check, type Checked, checkByNode } from "./proofs.ts";

const CHROMIUM = "/usr/bin/chromium";
export const hasChromium = existsSync(CHROMIUM);

/** The page as an auditor opens it: from a disk. */
export const PAGE = pathToFileURL(join(ROOT, "packages/proof-check/check.html")).href;

export const startBrowser = (...args: readonly string[]): Promise<Browser> =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ...args],
  });

/** What the page shows at last: its code, its heading, what it says, and of which files. */
type Shown = Readonly<{
  code: number;
  heading: string;
  said: readonly string[];
  of: string;
}>;

/** Presses Check, and waits for the end of the check. */
export async function shownAfterCheck(page: Page): Promise<Shown> {
  await page.click("button[type=submit]");
  return shown(page);
}

export async function shown(page: Page): Promise<Shown> {
  const verdict = page.locator("#verdict[data-code]");
  await verdict.waitFor();
  const code = Number(await verdict.getAttribute("data-code"));
  const [heading = "", ...said] = await verdict.locator("p").allTextContents();
  const of = said.at(-1)?.startsWith("The file: ") ? said.pop() : "";
  return { code, heading, said, of: of ?? "" };
}

/** What the scripts say before what the page says as well. */
const IN_WORDS_OF_SCRIPTS: Readonly<
  Record<string, (said: readonly string[]) => readonly string[]>
> = {
  "It holds.": (said) => ["it holds", ...said],
  "It does not hold.": ([reason]) => [`it does not hold: ${reason}`],
  "Consistent; the signer is not checked.": (said) => ["consistent, signer not checked", ...said],
};

/** Asks the page what scripts are asked, with their arguments, and translates what it shows. */
async function checkBy(page: Page, args: readonly string[]): Promise<Checked> {
  const [file = "", kind, brought = "", ...more] = args;
  if (more.length > 0) throw new Error(`the page takes one key or head: ${args.join(" ")}`);
  await page.setInputFiles("#proof-file", file);
  const isText = kind === undefined || (kind === "--key" && !existsSync(brought));
  if (isText) await page.setInputFiles("#brought-file", []);
  if (isText) await page.fill("#brought", brought);
  else await page.setInputFiles("#brought-file", brought);
  const { code, heading, said, of } = await shownAfterCheck(page);
  const isOfFile = of.startsWith(`The file: ${basename(file)}, ${sizeOf(file)}. `);
  const isOfBrought = kind !== "--key" || !isText || of.includes(` the key ${brought}.`);
  if (code !== 2 && !(isOfFile && isOfBrought)) throw new Error(`${args.join(" ")}: ${of}`);
  return [code, IN_WORDS_OF_SCRIPTS[heading]?.(said) ?? [heading, ...said]];
}

function sizeOf(file: string): string {
  const { size } = statSync(file);
  return `${size.toLocaleString("en")} ${size === 1 ? "byte" : "bytes"}`;
}

/** The page as a checker beside the scripts. Of so many questions it is asked one; check.mjs answers the others. */
export function startPage(oneOf = 1): Readonly<{ check: Check; end: () => Promise<void> }> {
  let browser: Promise<Browser> | null = null;
  let page: Promise<Page> | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let asked = 0;
  const open = async () => {
    browser = startBrowser();
    const opened = await (await browser).newPage();
    await opened.goto(PAGE);
    return opened;
  };
  return {
    check(args) {
      asked += 1;
      if (oneOf > 1 && asked % oneOf !== 1) return checkByNode(args);
      page ??= open();
      // One after the other: it has one form.
      const answer = Promise.all([page, turn]).then(([opened]) => checkBy(opened, args));
      turn = answer.catch(() => {});
      return answer;
    },
    end: async () => {
      await (await browser)?.close();
    },
  };
}
