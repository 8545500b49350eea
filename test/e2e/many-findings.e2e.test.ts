import { loadConfig } from "@counterfoil/adapters/config";
import { connect } from "@counterfoil/adapters/connect";
import { sampleEvents } from "@counterfoil/processing/testing/sample-event";
import { afterAll, expect, test } from "@jest/globals";
import { runCommand } from "./support/counterfoil.ts";
import { newFolder, removeFolders } from "./support/folder.ts";
import { configOf } from "./support/stand-in.ts";

afterAll(removeFolders);

const PAGE = 1000;
const EVENTS = 3000;

test("verify stops after many findings, and says what it has not checked", async () => {
  const env = configOf(newFolder());
  const { stream, close } = await connect(loadConfig(env), "write");
  // The data of sample events has not the form of their type.
  for (let after = 0; after < EVENTS; after += PAGE) {
    await stream.append(after, sampleEvents(after + 1, after + PAGE));
  }
  await close();
  const { code, stdout } = await runCommand(["verify"], env);
  expect(code).toBe(1);
  expect(stdout).toContain("2000 events checked");
  expect(stdout).toMatch(/positions 2001 to 3000 were not checked, and more may follow\.\n$/);
  const json = JSON.parse((await runCommand(["verify", "--json"], env)).stdout);
  expect(json).toMatchObject({ events: 2000, unverified: { from: "2001", to: "3000" } });
});
