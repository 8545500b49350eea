import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { printJson, printJsonList, printTables, renderTable } from "./print.ts";

test("columns under their heads, numbers to the right, a dash for what is absent", () => {
  const columns = [{ title: "model" }, { title: "lag", align: "right" }] as const;
  const rows = [
    ["balances", 1200],
    ["trades", null],
  ];
  expect(renderTable(columns, rows)).toBe(
    ["  model      lag", "  ──────────────", "  balances  1200", "  trades       –"].join("\n"),
  );
});

describe("a list as it comes", () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** What is printed meanwhile, on an output that now and then is full. */
  async function printed(work: () => Promise<void> | void): Promise<string> {
    let text = "";
    const write = (more: string) => {
      text += more;
      if (text.length % 3 > 0) return true;
      setImmediate(() => process.stdout.emit("drain"));
      return false;
    };
    jest.spyOn(process.stdout, "write").mockImplementation(write as typeof process.stdout.write);
    await work();
    jest.restoreAllMocks();
    return text;
  }

  async function* flows(count: number) {
    for (let at = 0; at < count; at += 1) yield { name: "a\nb", title: "", messages: at };
  }

  test.each([0, 1, 3])("of %i items is the JSON of all of them", async (count) => {
    const all = await Array.fromAsync(flows(count));
    const whole = await printed(() => printJson<"simulate list">(all));
    expect(await printed(() => printJsonList<"simulate list">(flows(count)))).toBe(whole);
  });

  test.each([
    [0, "none\n"],
    [3, "3\n"],
    [1000, "1000\n"],
    [2001, "1000\n1000\n1\n"],
  ])("of %i items is as many tables as it takes", async (count, expected) => {
    const render = ({ length }: readonly unknown[]) => `${length}`;
    expect(await printed(() => printTables(flows(count), render, "none"))).toBe(expected);
  });
});

test.each(["printJsonList(items())", "printTables(items(), String, '')"])(
  "%s goes on quietly where whoever reads has read enough",
  async (printing) => {
    const program = [
      `import { ignoreClosedOutput, printJsonList, printTables } from "${import.meta.dirname}/print.ts";`,
      "async function* items() { for (let n = 0; n < 100_000; n += 1) yield n; }",
      "ignoreClosedOutput();",
      `await ${printing};`,
    ].join("\n");
    const node = `"${process.execPath}" --disable-warning=ExperimentalWarning --input-type=module`;
    const line = `{ ${node} --eval "$PROGRAM"; echo "ended with $?" >&2; } | head -n 1`;
    const env = { ...process.env, PROGRAM: program };
    const { stderr } = await promisify(execFile)("sh", ["-c", line], { env });
    expect(stderr).toBe("ended with 0\n");
  },
);
