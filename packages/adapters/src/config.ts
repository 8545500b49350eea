import { CONFIG, type Config } from "@counterfoil/contracts/config";
import type { ErrorCode } from "@counterfoil/contracts/error-code";
import { halfSetGroups } from "./config-groups.ts";
import { closestTo } from "./config-suggestion.ts";

const PREFIX = "COUNTERFOIL_";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that is wrong with the configuration, at once. */
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
 * Reads the configuration from environment variables. An empty variable counts as unset; one that
 * this program does not know is refused, since a misspelt secret would silently be none.
 *
 * @throws ConfigurationInvalid naming every problem; values of secrets are never part of it
 */
export function loadConfig(env: Environment): Config {
  const given = ownVariables(env);
  const config: Record<string, unknown> = {};
  const problems = Object.keys(given).filter(isUnknown).map(describeUnknown);
  for (const [name, schema] of Object.entries(CONFIG)) {
    const read = schema.safeParse(given[name]);
    if (read.success) config[name] = read.data;
    else problems.push(describeInvalid(name, given[name], read.error.issues[0]?.message));
  }
  problems.push(...halfSetGroups(given));
  if (problems.length > 0) throw new ConfigurationInvalid(problems);
  // Every entry has just been read by its own schema.
  return config as Config;
}

function ownVariables(env: Environment): Readonly<Record<string, string>> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[0].startsWith(PREFIX) && Boolean(entry[1]),
  );
  return Object.fromEntries(own);
}

function isUnknown(name: string): boolean {
  return !Object.hasOwn(CONFIG, name);
}

function describeUnknown(name: string): string {
  const meant = closestTo(name, Object.keys(CONFIG));
  const advice = meant === null ? "remove it, or see the README's list" : `did you mean ${meant}?`;
  return `${name} is not a variable of this program: ${advice}`;
}

/** A URL may carry a password, so it is not repeated either. */
const IS_SECRET = /_(?:SECRET|PASSPHRASE|PASSWORD|KEY|URL)$/;

function describeInvalid(name: string, found: string | undefined, expected = "another value") {
  const shown = found === undefined || IS_SECRET.test(name) ? "" : ` is "${found}"`;
  return `${name}${shown}: ${expected}`;
}
