/** The connection string cannot be used. Its message never repeats what may be a secret. */
export class ConnectionUrlInvalid extends Error {
  override readonly name = "ConnectionUrlInvalid";
  readonly code = "configuration_invalid";
}

const SHAPE =
  /^(?<scheme>[a-z+]+):\/\/(?:(?<user>[^@/?]*)@)?(?<hosts>[^@/?]+)\/*(?:\?(?<query>[^@]*))?$/;
const HOST = /^[A-Za-z0-9._-]+(:\d{1,5})?$/;
const SCHEMES: ReadonlySet<string | undefined> = new Set(["esdb", "esdb+discover"]);
const EXPECTED = "expected esdb://user:password@host:2113?tls=true";

type ValueKind = "text" | "number" | "boolean" | "node";

/** What the client understands, in its flat spelling: it warns of others, with the password. */
const SETTINGS: Readonly<Record<string, ValueKind>> = {
  usercertfile: "text",
  userkeyfile: "text",
  tlscafile: "text",
  connectionname: "text",
  maxdiscoverattempts: "number",
  defaultdeadline: "number",
  discoveryinterval: "number",
  gossiptimeout: "number",
  keepaliveinterval: "number",
  keepalivetimeout: "number",
  nodepreference: "node",
  tls: "boolean",
  throwonappendfailure: "boolean",
};

const VALUES: Readonly<Record<ValueKind, RegExp>> = {
  text: /^.+$/,
  number: /^-?\d+$/,
  boolean: /^(true|false)$/,
  node: /^(leader|follower|readonlyreplica|random)$/,
};

/** Why a connection string cannot be used; null where it can, as far as its text goes. */
export function connectionUrlProblem(url: string): string | null {
  const { scheme, user, hosts, query } = SHAPE.exec(url.trim())?.groups ?? {};
  if (scheme === undefined || hosts === undefined) {
    return `it is no connection string, ${EXPECTED}; write @ : / ? in the password as %40 %3A %2F %3F`;
  }
  if (!SCHEMES.has(scheme)) return `its scheme is ${scheme}://, ${EXPECTED}`;
  return userProblem(user) ?? hostsProblem(hosts) ?? queryProblem(query);
}

/** The hosts of a connection string, for messages: what is left when user and settings are gone. */
export function hostsOf(url: string): string {
  return SHAPE.exec(url.trim())?.groups?.hosts ?? "EventStoreDB";
}

function userProblem(user: string | undefined): string | null {
  if (user === undefined) return null;
  const parts = user.split(":");
  if (parts.length !== 2 || parts.some((part) => part === "")) {
    return "what stands before @ is not user:password; write : in either as %3A";
  }
  return parts.every(isDecodable) ? null : "user or password holds a % that is not written as %25";
}

function hostsProblem(hosts: string): string | null {
  const wrong = hosts.split(",").find((host) => !HOST.test(host));
  return wrong === undefined ? null : `"${wrong}" is no host or host:port`;
}

function queryProblem(query: string | undefined): string | null {
  for (const setting of query === undefined ? [] : query.split("&")) {
    const [key = "", value = ""] = setting.split("=", 2);
    const kind = SETTINGS[flat(key)];
    if (kind === undefined) {
      return `the setting "${key}" is unknown; known are ${Object.keys(SETTINGS).join(", ")}`;
    }
    const spelled = kind === "node" ? flat(value) : value;
    if (!VALUES[kind].test(spelled) || !isDecodable(value)) {
      return `the setting "${key}" has a value that is no ${kind}`;
    }
  }
  return null;
}

const flat = (text: string): string => text.trim().toLowerCase().replace(/[_-]/g, "");

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
