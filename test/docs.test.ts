import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeHashing } from "@counterfoil/adapters/node/runtime";
import { chainHash, emptyHead } from "@counterfoil/core/stream/chain";
import { expect, test } from "@jest/globals";
import { configTable } from "./support/config-table.ts";

const root = join(import.meta.dirname, "..");

test("the table of variables is that of the schema", () => {
  const page = readFileSync(join(root, "docs", "configuration.md"), "utf8");
  expect(page).toContain(configTable());
});

const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);

test.each(["README.md", "CONTRIBUTING.md", ...docs])(
  "every path that %s names is there",
  (file) => {
    const text = readFileSync(join(root, file), "utf8");
    const paths = [...text.matchAll(/`((?:packages|services|test|bench|infra|docs)\/[\w./-]+)`/g)];
    const missing = paths
      .map(([, path]) => path ?? "")
      .filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  },
);

test.each(["README.md", "CONTRIBUTING.md", ...docs])("every link of %s leads somewhere", (file) => {
  const text = readFileSync(join(root, file), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, to]) => to ?? "");
  const dead = links.filter((link) => {
    const [path = "", anchor] = link.split("#", 2);
    const target = path === "" ? join(root, file) : join(root, dirname(file), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).includes(anchor);
  });
  expect(dead).toEqual([]);
});

/** What headings are called in an address. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/ /g, "-"),
  );

test("every script that the README, CONTRIBUTING and the docs run exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const text = ["README.md", "CONTRIBUTING.md", ...docs].map((file) =>
    readFileSync(join(root, file), "utf8"),
  );
  const named = [...text.join("\n").matchAll(/npx -y pnpm@10 (\w+)/g)].map(
    ([, script]) => script ?? "",
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((script) => !(script in scripts) && script !== "install")).toEqual([]);
});

test("the vector in docs/stream-format.md follows from what the page says of the chain", () => {
  const text = readFileSync(join(root, "docs", "stream-format.md"), "utf8");
  const events = JSON.parse(/```json\n([\s\S]*?)```/.exec(text)?.[1] ?? "[]");
  expect(events).toHaveLength(4);
  const { hash: start } = emptyHead("größe", nodeHashing);
  expect(text).toContain(start);
  let previous = start;
  for (const { hash, occurred_at, recorded_at, ...event } of events) {
    const times = {
      occurred_at: occurred_at === null ? null : BigInt(occurred_at),
      recorded_at: BigInt(recorded_at),
    };
    previous = chainHash(previous, { ...event, ...times }, nodeHashing);
    expect(hash).toBe(previous);
  }
});

/** Sections of a page, each with everything up to the next heading. */
const sectionsOf = (text: string): readonly string[] => text.split(/^#+ /m).slice(1);

const quotedIn = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, quoted]) => quoted ?? "");

/** The files that a section names: by path, or by name alone "beside" the one before. */
function filesNamedIn(section: string): readonly string[] {
  const files: string[] = [];
  for (const quoted of quotedIn(section)) {
    const beside = join(dirname(files.at(-1) ?? ""), quoted);
    const path = quoted.includes("/") ? quoted : beside;
    if (/\.(?:tsx?|md)$/.test(path) && existsSync(join(root, path))) files.push(path);
  }
  return files;
}

/** Whether code names it: as a whole word, or, where it is shown as a call, as something to call. */
function isNamedIn(code: string, identifier: string): boolean {
  const [, name = "", call] = /^(\w+)(\(.*\))?$/.exec(identifier) ?? [];
  return new RegExp(call === undefined ? `\\b${name}\\b` : `\\b${name}(?: =|\\()`).test(code);
}

/** What looks like a name in code, `A.b` being two; scripts and words on the wire do not. */
const identifiersIn = (section: string): readonly string[] =>
  quotedIn(section)
    .filter((quoted) => /^\w+(?:\.\w+)*(?:\(.*\))?$/.test(quoted))
    .filter((quoted) => !/\.(?:tsx?|md)$/.test(quoted))
    .flatMap((quoted) => quoted.split("."));

test("what CONTRIBUTING names in code stands in a file that is named in the same section", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const found = sectionsOf(page.slice(page.indexOf("## How to add"))).flatMap((section) => {
    const code = filesNamedIn(section)
      .map((file) => readFileSync(join(root, file), "utf8"))
      .join("\n");
    return identifiersIn(section).map((name) => ({ name, isNamed: isNamedIn(code, name) }));
  });
  expect(found.length).toBeGreaterThan(20);
  const missing = found.filter(({ name, isNamed }) => !isNamed && !(name in scripts));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

const READMES = ["packages", "services"].flatMap((rooms) =>
  readdirSync(join(root, rooms)).map((room) => `${rooms}/${room}`),
);

/** The modules that a numbered item lists without their endings, each in the folder named last. */
function modulesIn(room: string, item: string): readonly string[] {
  let folder = join(room, "src");
  const modules: string[] = [];
  for (const quoted of quotedIn(item)) {
    const named = [quoted, join("src", quoted)].map((path) => join(room, path.replace("*.ts", "")));
    const inside = named.find((path) => quoted.includes("/") && existsSync(join(root, path)));
    if (inside !== undefined) folder = /\.\w+$/.test(inside) ? dirname(inside) : inside;
    else if (/^[a-z][\w-]*(?:\.(?:tsx?|mjs))?$/.test(quoted)) modules.push(join(folder, quoted));
  }
  return modules;
}

const isModule = (path: string): boolean =>
  ["", ".ts", ".tsx", ".mjs"].some((ending) => existsSync(join(root, path + ending)));

test.each(READMES)("the modules that the README of %s lists lie where it says", (room) => {
  const text = readFileSync(join(root, room, "README.md"), "utf8");
  const [reading = ""] = text.split(/^## /m);
  const items = [...reading.matchAll(/^\d+\. .*(?:\n {3}.*)*/gm)].map(([item]) => item);
  const missing = items.flatMap((item) => modulesIn(room, item).filter((path) => !isModule(path)));
  expect(missing).toEqual([]);
});
