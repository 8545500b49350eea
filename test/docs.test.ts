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
