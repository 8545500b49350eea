import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { print, printJson, printJsonList, printTables, renderTable } from "./print.ts";
import { readable } from "./visible.ts";

/** A title for the window, a cleared screen, a line of its own, and text from the right to the left. */
const HOSTILE =
  "a\u001b]0;b\u0007\u001b[2J\nNobody is needed.\u009b31m\u007f\u202ec\u2066\r\u2028\t";
const SHOWN =
  "a\\u001b]0;b\\u0007\\u001b[2J\\u000aNobody is needed.\\u009b31m\\u007f\\u202ec\\u2066\\u000d\\u2028\\u0009";

describe("control characters in a provider's text", () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test("are shown in a cell, which stays one line", () => {
    const lines = renderTable([{ title: "id" }], [[HOSTILE]]).split("\n");
    expect(lines.slice(2)).toEqual([`  ${SHOWN}`]);
  });

  test("are shown in every text of a record", () => {
    const record = { id: HOSTILE, count: 1, none: null, list: [{ [HOSTILE]: HOSTILE }] };
    const list = [{ [SHOWN]: SHOWN }];
    expect(readable(record)).toEqual({ id: SHOWN, count: 1, none: null, list });
  });

  test("are shown in whatever is printed, and only lines that the command breaks are broken", () => {
    const output = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    print(`a\u001b[2J\nb é 漢 👍🏽 \u202e`);
    expect(output.mock.calls).toEqual([["a\\u001b[2J\nb é 漢 👍🏽 \\u202e\n"]]);
  });

  test("are as they are in JSON", () => {
    const output = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    const record = [{ name: HOSTILE, title: "", messages: 1 }];
    printJson<"simulate list">(record);
    expect(output.mock.calls).toEqual([[`${JSON.stringify(record, null, 2)}\n`]]);
  });
});

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
