import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layer1PublicKeyBase64 } from "@counterfoil/simulator/webhook-sender";
import { afterAll, expect, test } from "@jest/globals";
import { WrongUsage } from "../error-report.ts";
import { describeRefusal, keepKeys, readKeys } from "./simulate.ts";

const folder = mkdtempSync(join(tmpdir(), "counterfoil-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("keys in a file are those that the service is told, and nobody else reads them", () => {
  const file = join(folder, "keys.json");
  const variables = keepKeys(file);
  const { zeroHashKeys, layer1Keys } = readKeys(file, {});
  expect(zeroHashKeys?.secret).toBe(variables.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET);
  expect(layer1Keys && layer1PublicKeyBase64(layer1Keys)).toBe(
    variables.COUNTERFOIL_LAYER1_WEBHOOK_PUBLIC_KEY,
  );
  expect(statSync(file).mode & 0o077).toBe(0);
  // A second terminal asks again, and needs the same ones.
  expect(keepKeys(file)).toEqual(variables);
});

test.each(["no keys", "null", "{}", '{"zerohash_secret":"a","layer1_private_key":"b"}'])(
  "a file with something else is no file of keys: %s",
  (text) => {
    const file = join(folder, "other.json");
    writeFileSync(file, text);
    expect(() => readKeys(file, {})).toThrow(WrongUsage);
    expect(() => readKeys(file, {})).toThrow(
      "other.json holds no keys: `counterfoil simulate keys",
    );
  },
);

test("without a file, the service's own secret; without that, none", () => {
  const env = { COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: "new, old" };
  expect(readKeys(undefined, env)).toEqual({ zeroHashKeys: { secret: "new" } });
  expect(readKeys(undefined, {})).toEqual({});
});

test.each([
  ["channel_not_configured", "no key for layer1 is set", "`--keys FILE`"],
  ["not_found", "no resource has the address /webhooks/layer1", "--url"],
  [null, null, "--url"],
])("a refusal (%s) says what was answered and what to do", (code, detail, advice) => {
  const said = describeRefusal({ status: 404, code, title: "A title", detail });
  expect(said).toContain(detail === null ? "404, so the rest was not sent. A title\n" : detail);
  expect(said).toContain(advice);
});
