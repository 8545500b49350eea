import { readFileSync } from "node:fs";
import { CONFIG, type Config, SECRETS } from "@counterfoil/contracts/config";
import type { ErrorCode } from "@counterfoil/contracts/http";

const PREFIX = "COUNTERFOIL_";

export type Environment = Readonly<Record<string, string | undefined>>;

/** All problems of the configuration. */
export class ConfigurationInvalid extends Error {
  override readonly name = "ConfigurationInvalid";
  readonly code: ErrorCode = "configuration_invalid";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/**
 * Reads the configuration from environment variables. An empty variable counts as unset. An unknown
 * variable is refused, because a misspelt secret would otherwise count as unset.
 *
 * @throws ConfigurationInvalid naming every problem, without values of secrets
 */
export function loadConfig(env: Environment): Config {
  const { given, problems } = withFiles(ownVariables(env));
  const config: Record<string, unknown> = {};
  problems.push(...Object.keys(given).filter(isUnknown).map(describeUnknown));
  for (const [name, schema] of Object.entries(CONFIG)) {
    const read = schema.safeParse(given[name]);
    if (read.success) config[name] = read.data;
    else problems.push(describeInvalid(name, given[name], read.error.issues[0]?.message));
  }
  problems.push(...halfSetGroups(given), ...samplingProblems(env));
  if (problems.length > 0) throw new ConfigurationInvalid(problems);
  // Every entry was parsed by its own schema above.
  return config as Config;
}

/** OpenTelemetry's samplers that `OTEL_TRACES_SAMPLER` may name. */
const SAMPLERS = [
  ...["always_on", "always_off", "traceidratio"],
  ...["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"],
];

/** Which traces are collected. The names are checked by `loadConfig`. */
export function samplingOf(env: Environment): Readonly<{ sampler: string; share: number }> {
  const { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: share } = env;
  return { sampler: sampler || "parentbased_always_on", share: Number(share || 1) };
}

/** Only where traces are collected: the same variables may be meant for other programs. */
function samplingProblems(env: Environment): readonly string[] {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) return [];
  const { sampler, share } = samplingOf(env);
  if (!SAMPLERS.includes(sampler)) {
    const expected = `expected one of ${SAMPLERS.join(", ")}`;
    return [describeInvalid("OTEL_TRACES_SAMPLER", sampler, expected)];
  }
  // Other samplers do not read it.
  if (!sampler.endsWith("traceidratio") || (share >= 0 && share <= 1)) return [];
  const name = "OTEL_TRACES_SAMPLER_ARG";
  return [describeInvalid(name, env[name], "expected the share of traces, a number from 0 to 1")];
}

/** This program's variables. A trailing line end, common in values read from files, is removed. */
function ownVariables(env: Environment): Readonly<Record<string, string>> {
  const own = Object.entries(env)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value = ""]) => [name, value.replace(/[\r\n]+$/, "")] as const);
  return Object.fromEntries(own.filter(([, value]) => value !== ""));
}

type Given = Readonly<Record<string, string>>;

/** Reads secrets from the files named by `…_FILE`, which an orchestrator mounts without showing their values. */
function withFiles(variables: Given): { given: Given; problems: string[] } {
  const given: Record<string, string> = { ...variables };
  const problems: string[] = [];
  for (const name of SECRETS) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    delete given[`${name}_FILE`];
    if (name in given) {
      problems.push(`${name} and ${name}_FILE are both set: expected one of them`);
      continue;
    }
    try {
      given[name] = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      problems.push(`${name}_FILE is "${file}" (${code}): expected a file that can be read`);
    }
    if (given[name] === "") problems.push(`${name}_FILE is "${file}": the file is empty`);
  }
  return { given, problems };
}

const withoutPrefix = (name: string) => name.slice(PREFIX.length);

function isUnknown(name: string): boolean {
  return !Object.hasOwn(CONFIG, name);
}

function describeUnknown(name: string): string {
  // The common beginning would make every name alike.
  const meant = closestTo(withoutPrefix(name), Object.keys(CONFIG).map(withoutPrefix));
  const advice =
    meant === null
      ? "remove it; docs/configuration.md lists those that it has"
      : `did you mean ${PREFIX}${meant}?`;
  return `${name} is not a variable of this program: ${advice}`;
}

/** Values of these variables are never printed; a URL, valid or not, can contain a password. */
const IS_SECRET = /_(?:SECRET|PASSPHRASE|PASSWORD|KEY|URL|BROKERS)$/;

function describeInvalid(name: string, found: string | undefined, expected = "another value") {
  const shown = found === undefined || IS_SECRET.test(name) ? "" : ` is "${found}"`;
  return `${name}${shown}: ${expected}`;
}

/** Variables that belong together: if any of `anyOf` is set, all of `needs` must be. */
type Group = Readonly<{ what: string; anyOf: readonly string[]; needs: readonly string[] }>;

const FEED = [
  "COUNTERFOIL_ZEROHASH_FEED_URL",
  "COUNTERFOIL_ZEROHASH_FEED_KEY",
  "COUNTERFOIL_ZEROHASH_FEED_PASSPHRASE",
  "COUNTERFOIL_ZEROHASH_FEED_SECRET",
];

const KAFKA_LOGIN = ["COUNTERFOIL_KAFKA_USERNAME", "COUNTERFOIL_KAFKA_PASSWORD"];

const GROUPS: readonly Group[] = [
  {
    what: "the event store",
    anyOf: ["COUNTERFOIL_EVENTSTORE_URL"],
    needs: ["COUNTERFOIL_POSTGRES_URL"],
  },
  {
    what: "Kafka",
    anyOf: ["COUNTERFOIL_KAFKA_TOPIC_PREFIX", "COUNTERFOIL_KAFKA_TLS", ...KAFKA_LOGIN],
    needs: ["COUNTERFOIL_KAFKA_BROKERS"],
  },
  {
    what: "TLS with Kafka",
    anyOf: ["COUNTERFOIL_KAFKA_CA_FILE"],
    needs: ["COUNTERFOIL_KAFKA_BROKERS", "COUNTERFOIL_KAFKA_TLS"],
  },
  {
    what: "the login to Kafka",
    anyOf: [...KAFKA_LOGIN, "COUNTERFOIL_KAFKA_SASL"],
    needs: KAFKA_LOGIN,
  },
  {
    what: "the Balances Feed",
    anyOf: [...FEED, "COUNTERFOIL_ZEROHASH_FEED_SIGNED_TEXT"],
    needs: FEED,
  },
  {
    what: "TLS",
    anyOf: ["COUNTERFOIL_HTTP_TLS_CERT_FILE", "COUNTERFOIL_HTTP_TLS_KEY_FILE"],
    needs: ["COUNTERFOIL_HTTP_TLS_CERT_FILE", "COUNTERFOIL_HTTP_TLS_KEY_FILE"],
  },
  {
    what: "the listener for webhooks alone",
    anyOf: ["COUNTERFOIL_WEBHOOK_HOST"],
    needs: ["COUNTERFOIL_WEBHOOK_PORT"],
  },
];

/** Describes incomplete groups. They are never completed by defaults, which would hide a mistake. */
function halfSetGroups(given: Readonly<Record<string, string>>): readonly string[] {
  return GROUPS.flatMap(({ what, anyOf, needs }) => {
    const set = anyOf.filter((name) => name in given);
    const missing = needs.filter((name) => !(name in given));
    if (set.length === 0 || missing.length === 0) return [];
    return [`${what} is configured by half: ${set.join(", ")} set, ${missing.join(", ")} missing`];
  });
}

/** Maximum share of wrong letters; above it a suggestion would be a guess. */
const TYPOS_MAX = 0.34;

/** @returns the candidate that was probably meant; null if none is close */
export function closestTo(word: string, candidates: readonly string[]): string | null {
  const nearest = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined || nearest.distance > word.length * TYPOS_MAX) return null;
  return nearest.candidate;
}

/** Levenshtein distance: the number of letters to insert, remove or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
