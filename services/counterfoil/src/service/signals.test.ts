import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

/** A process with a service that stops as `stop` does, which gets SIGTERM once it runs. */
async function stopping(stop: string, stopMs: number) {
  const child = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
    "--eval",
    `import { runUntilSignal } from ${JSON.stringify(join(import.meta.dirname, "signals.ts"))};
     const say = (level) => (...said) => console.log(level, said.at(-1));
     const logger = { info: say("info"), warn: say("warn") };
     const running = setInterval(() => {}, 1000);
     const stop = async () => { ${stop}; clearInterval(running); };
     const start = async () => { console.log("started"); return { drain() {}, stop }; };
     await runUntilSignal(start, { logger, drainMs: 0, stopMs: ${stopMs} });`,
  ]);
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
    if (String(text).includes("started")) child.kill("SIGTERM");
  });
  const [code] = await once(child, "close");
  return { code, said: said.trim().split("\n") };
}

test("a service that has stopped ends the process, without a limit to wait for", async () => {
  const { code, said } = await stopping("await null", 600_000);
  expect([code, said.at(-1)]).toEqual([0, "info stopped"]);
});

test("one that does not stop is ended, and says so", async () => {
  const { code, said } = await stopping("await new Promise(() => {})", 100);
  expect(code).toBe(0);
  expect(said.at(-1)).toMatch(/^warn stopped before all that was received was recorded/);
});
