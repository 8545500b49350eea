import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ConfigurationInvalid, closestTo, type Environment, loadConfig } from "./config.ts";

function problemsOf(env: Environment): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationInvalid) return error.problems;
    throw error;
  }
}

const FEED = {
  COUNTERFOIL_ZEROHASH_FEED_URL: "wss://feed.example",
  COUNTERFOIL_ZEROHASH_FEED_KEY: "key",
  COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "passphrase",
  COUNTERFOIL_ZEROHASH_FEED_SECRET: "c2VjcmV0",
};

describe("accepted configurations", () => {
  test("defaults, if nothing is set", () => {
    expect(loadConfig({ PATH: "/bin" })).toMatchObject({
      COUNTERFOIL_LEDGER: "default",
      COUNTERFOIL_DATA_DIR: "./data",
      COUNTERFOIL_HTTP_PORT: 8080,
      COUNTERFOIL_STUCK_AFTER: 86_400,
      COUNTERFOIL_ALLOW_UNSIGNED: false,
    });
  });

  test("an empty variable counts as unset", () => {
    const config = loadConfig({ COUNTERFOIL_HTTP_PORT: "", COUNTERFOIL_ZEROHASH_FEED_URL: "" });
    expect(config.COUNTERFOIL_HTTP_PORT).toBe(8080);
    expect(config.COUNTERFOIL_ZEROHASH_FEED_URL).toBeUndefined();
  });

  test("a value without the trailing line end of its file", () => {
    const config = loadConfig({ ...FEED, COUNTERFOIL_ZEROHASH_FEED_KEY: "key\r\n" });
    expect(config.COUNTERFOIL_ZEROHASH_FEED_KEY).toBe("key");
    expect(problemsOf({ ...FEED, COUNTERFOIL_ZEROHASH_FEED_KEY: "\n" })).toEqual([
      expect.stringContaining("COUNTERFOIL_ZEROHASH_FEED_KEY missing"),
    ]);
  });

  test("several secrets, and a complete feed", () => {
    const config = loadConfig({ ...FEED, COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET: "new, old," });
    expect(config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET).toEqual(["new", "old"]);
    expect(config.COUNTERFOIL_ZEROHASH_FEED_KEY).toBe("key");
  });
});

describe("refused configurations", () => {
  test.each<Readonly<{ env: Environment; says: RegExp }>>([
    {
      env: { COUNTERFOIL_TYPO: "x" },
      says: /^COUNTERFOIL_TYPO is not a variable.*configuration.md/,
    },
    { env: { COUNTERFOIL_LEGDER: "x" }, says: /COUNTERFOIL_LEGDER .*mean COUNTERFOIL_LEDGER\?/ },
    { env: { COUNTERFOIL_LEDGER: "Mine" }, says: /^COUNTERFOIL_LEDGER is "Mine": expected/ },
    { env: { COUNTERFOIL_LEDGER: "models" }, says: /taken by a folder/ },
    { env: { COUNTERFOIL_LEDGER: "locks" }, says: /taken by a folder/ },
    { env: { COUNTERFOIL_KAFKA_BROKERS: "user@kafka:9092" }, says: /^\w+_BROKERS: expected host/ },
    { env: { COUNTERFOIL_TRUSTED_PROXIES: "proxy.example" }, says: /expected addresses/ },
    { env: { COUNTERFOIL_ALLOWED_HOSTS: "a.example:80" }, says: /expected names without a port/ },
    { env: { COUNTERFOIL_CORS_ORIGINS: "*" }, says: /expected https:/ },
    { env: { COUNTERFOIL_RATE_LIMIT: "many" }, says: /expected a number of requests/ },
    { env: { COUNTERFOIL_HTTP_TLS_KEY_FILE: "k" }, says: /TLS_CERT_FILE missing/ },
    { env: { COUNTERFOIL_HTTP_PORT: "65536" }, says: /expected a port number/ },
    { env: { COUNTERFOIL_STUCK_AFTER: "soon" }, says: /expected a duration/ },
    { env: { COUNTERFOIL_STUCK_AFTER: "36501d" }, says: /expected at most 36500d/ },
    { env: { COUNTERFOIL_LOG_LEVEL: "loud" }, says: /COUNTERFOIL_LOG_LEVEL is "loud"/ },
    { env: { COUNTERFOIL_WEBHOOK_HOST: "::" }, says: /COUNTERFOIL_WEBHOOK_PORT missing/ },
    { env: { ...FEED, COUNTERFOIL_ZEROHASH_FEED_KEY: "" }, says: /_FEED_KEY missing/ },
    {
      env: { COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT: "{body}" },
      says: /by half: COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT set, COUNTERFOIL_ZEROHASH_FEED_URL, /,
    },
  ])("$env", ({ env, says }) => {
    const [problem, ...others] = problemsOf(env);
    expect(problem).toMatch(says);
    expect(others).toEqual([]);
  });

  test("all problems are reported at once", () => {
    const env = {
      COUNTERFOIL_TYPO: "x",
      COUNTERFOIL_HTTP_PORT: "y",
      COUNTERFOIL_WEBHOOK_HOST: "z",
    };
    expect(problemsOf(env)).toHaveLength(3);
  });

  test("values that may be secret are not printed", () => {
    const env = { ...FEED, COUNTERFOIL_ZEROHASH_FEED_URL: "https://me:hunter2@feed.example" };
    expect(problemsOf(env).join()).toMatch(/^COUNTERFOIL_ZEROHASH_FEED_URL: expected ws/);
  });
});

describe("secrets in files", () => {
  const folder = mkdtempSync(join(tmpdir(), "counterfoil-secrets-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fileOf = (text: string) => {
    const file = join(folder, String(text.length));
    writeFileSync(file, text);
    return file;
  };
  const SECRET = "COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET";

  test("are read without the trailing line end", () => {
    const env = {
      [`${SECRET}_FILE`]: fileOf("one,two\n"),
      COUNTERFOIL_POSTGRES_URL_FILE: fileOf("postgres://me:hunter2@db/books\r\n"),
    };
    const config = loadConfig(env);
    expect(config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET).toEqual(["one", "two"]);
    expect(config.COUNTERFOIL_POSTGRES_URL).toBe("postgres://me:hunter2@db/books");
  });

  test("drop one newline and no more", () => {
    const env = { ...FEED, COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE: "" };
    const file = fileOf(" a phrase \n\n");
    const config = loadConfig({ ...env, COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE_FILE: file });
    expect(config.COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE).toBe(" a phrase \n");
  });

  test.each<Readonly<{ env: () => Environment; says: RegExp }>>([
    { env: () => ({ [SECRET]: "a", [`${SECRET}_FILE`]: fileOf("b") }), says: /are both set/ },
    { env: () => ({ [`${SECRET}_FILE`]: folder }), says: /_SECRET_FILE .*\(EISDIR\): expected/ },
    { env: () => ({ [`${SECRET}_FILE`]: fileOf("\n") }), says: /the file is empty/ },
    { env: () => ({ COUNTERFOIL_LEDGER_FILE: fileOf("b") }), says: /is not a variable/ },
  ])("$says", ({ env, says }) => {
    const [problem, ...others] = problemsOf(env());
    expect(problem).toMatch(says);
    expect(others).toEqual([]);
  });
});

test("a suggestion is made only if it was probably meant", () => {
  expect(closestTo("statsu", ["status", "start"])).toBe("status");
  expect(closestTo("banana", ["status", "start"])).toBeNull();
  expect(closestTo("x", [])).toBeNull();
});

describe("the sampler of traces", () => {
  const problemsWith = (sampler: string, share?: string) =>
    problemsOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: share,
    });

  test.each([
    ["always_of", undefined, /^OTEL_TRACES_SAMPLER is "always_of": expected one of always_on, /],
    ["ALWAYS_OFF", undefined, /^OTEL_TRACES_SAMPLER is "ALWAYS_OFF": .*, always_off, /],
    ["traceidratio", "10%", /^OTEL_TRACES_SAMPLER_ARG is "10%": expected .* a number from 0 to 1$/],
    ["parentbased_traceidratio", "1.5", /^OTEL_TRACES_SAMPLER_ARG is "1.5": /],
    ["traceidratio", "-0.1", /^OTEL_TRACES_SAMPLER_ARG is "-0.1": /],
  ])("%s with %s is refused", (sampler, share, says) => {
    expect(problemsWith(sampler, share)).toEqual([expect.stringMatching(says)]);
  });

  test.each([
    ["", ""],
    ["traceidratio", undefined],
    ["parentbased_traceidratio", "0.05"],
    ["always_off", "read by no such sampler"],
  ])("%s with %s is accepted", (sampler, share) => {
    expect(problemsWith(sampler, share)).toEqual([]);
  });

  test("is nothing of this program's where no traces are collected", () => {
    expect(problemsOf({ OTEL_TRACES_SAMPLER: "xray" })).toEqual([]);
  });
});
