import { userInfo } from "node:os";
import type { Backends } from "@counterfoil/adapters/connect";
import { newKeySecret } from "@counterfoil/adapters/node/keys";
import { ID_BYTES_MAX } from "@counterfoil/contracts/scalar";
import { keyRole } from "@counterfoil/contracts/service-fact";
import {
  type ApiKey,
  type KeyRequest,
  type KeyState,
  keyState,
} from "@counterfoil/core/access/api-key";
import { formatTime, type Nanos, parseTime, SECOND } from "@counterfoil/core/exact/time";
import {
  createKey,
  isLost,
  readKeys,
  revokeKey,
  rotateKey,
} from "@counterfoil/processing/access/keys";
import { NothingThere, recordAction } from "@counterfoil/processing/operator";
import { isStorable } from "@counterfoil/processing/queries/answers";
import { Command, InvalidArgumentError, Option } from "commander";
import { WrongUsage } from "../error-report.ts";
import { print, printJson, renderTable } from "../output/print.ts";
import { JSON_OPTION, type JsonOption, withLedger, withRecordedAction } from "./context.ts";

/** API keys of the HTTP interface. A secret is printed once, by `create` or `rotate`, and never stored. */
export function keysCommand(): Command {
  return new Command("keys")
    .description("API keys of the HTTP interface")
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
    .addCommand(rotateCommand())
    .addHelpText("after", HELP);
}

type ActorOption = Readonly<{ actor: string }>;

const actorOption = () =>
  new Option("--actor <name>", "who acts, as recorded on the stream")
    .argParser(parseText)
    .default(userInfo().username, "the system's user");

type CreateOptions = JsonOption &
  ActorOption &
  Readonly<{ role: KeyRequest["role"]; platform?: string; expires?: Expiry; name?: string }>;

function createCommand(): Command {
  return new Command("create")
    .description("create a key, and print its secret once")
    .addOption(
      new Option("--role <role>", "what it may do").choices(keyRole.options).makeOptionMandatory(),
    )
    .option("--platform <code>", "only the data of this platform (default: all)", parseText)
    .option("--expires <when>", "a duration such as 90d, or a time (default: never)", parseExpiry)
    .option("--name <text>", "what it is for", parseText)
    .addOption(actorOption())
    .option(...JSON_OPTION)
    .action(async ({ role, platform, expires, name, actor, json = false }: CreateOptions) => {
      const secret = newKeySecret();
      const key = await withRecordedAction({ action: "create_key", actor }, (backends) => {
        const expiresAt = expires?.(backends.clock.now()) ?? null;
        const request = { role, platform: platform ?? null, name: name ?? null, expiresAt };
        return createKey(backends, { request, secret, actor });
      });
      printSecret(key, secret.secret, json);
    });
}

function listCommand(): Command {
  return new Command("list")
    .description("list keys, including revoked, expired and lost ones")
    .option(...JSON_OPTION)
    .action(async ({ json = false }: JsonOption) => {
      const rows = await withLedger("read", async ({ stream, clock, keys }) => {
        const now = clock.now();
        const digests = await keys.digests();
        const known = [...(await readKeys(stream)).values()];
        return known.map((key) => {
          const row = keyRow(key, now);
          return isLost(key, { digests, now }) ? { ...row, state: "lost" as const } : row;
        });
      });
      if (json) printJson<"keys list">(rows);
      else if (rows.length === 0) print("There is no key: reading is open on loopback alone.");
      else printKeys(rows);
    });
}

function revokeCommand(): Command {
  return new Command("revoke")
    .description("revoke a key; every process refuses it within 5 s")
    .argument("<id>", "the key's id, as `keys list` shows it")
    .addOption(actorOption())
    .option(...JSON_OPTION)
    .action(async (id: string, { actor, json = false }: JsonOption & ActorOption) => {
      const row = await withLedger("write", async (backends) => {
        const known = await existingKey(backends, id);
        if (known.revokedAt === null) {
          await recordAction(backends, { action: "revoke_key", target: id, actor });
        }
        const key = await revokeKey(backends, { id, actor });
        return keyRow(key ?? known, backends.clock.now());
      });
      if (json) printJson<"keys revoke">(row);
      else print(`Key ${row.id} (${row.prefix}…) is revoked.`);
    });
}

function rotateCommand(): Command {
  return new Command("rotate")
    .description("replace a key by a new one; the old one is refused from then on")
    .argument("<id>", "the old key's id")
    .addOption(actorOption())
    .option(...JSON_OPTION)
    .addHelpText("after", "\nThe new key has the same rights and the same lifetime as the old one.")
    .action(async (id: string, { actor, json = false }: JsonOption & ActorOption) => {
      const secret = newKeySecret();
      const rotated = await withLedger("write", async (backends) => {
        const { revokedAt } = await existingKey(backends, id);
        if (revokedAt !== null) throw alreadyRevoked(id);
        await recordAction(backends, { action: "rotate_key", target: id, actor });
        return rotateKey(backends, { id, secret, actor });
      });
      // Somebody may have revoked it at this moment.
      if (rotated.outcome !== "rotated") throw alreadyRevoked(id);
      printSecret(rotated.key, secret.secret, json);
    });
}

/** @throws NothingThere */
async function existingKey({ stream }: Backends, id: string): Promise<ApiKey> {
  const key = (await readKeys(stream)).get(id);
  if (key !== undefined) return key;
  throw new NothingThere(`there is no key ${id}: \`keys list\` shows which there are`);
}

const alreadyRevoked = (id: string) =>
  new WrongUsage(`key ${id} is revoked: \`keys create\` makes a new one`);

function shownKey({ id, prefix, role, platform, name, expiresAt }: ApiKey) {
  const expires_at = expiresAt === null ? null : formatTime(expiresAt);
  return { id, prefix, role, platform, name, expires_at };
}

function printSecret(key: ApiKey, secret: string, json: boolean): void {
  if (json) {
    printJson<"keys create" | "keys rotate">({ ...shownKey(key), secret });
    return;
  }
  print(`Key ${key.id}: ${key.role}, ${key.platform ?? "all platforms"}`);
  print(`\n  ${secret}\n`);
  print("It is shown this once. Send it as `Authorization: Bearer …`.");
}

function keyRow(key: ApiKey, now: Nanos) {
  return {
    ...shownKey(key),
    state: keyState(key, now),
    created_at: formatTime(key.createdAt),
    created_by: key.createdBy,
    revoked_at: key.revokedAt === null ? null : formatTime(key.revokedAt),
  };
}

type KeyRow = Omit<ReturnType<typeof keyRow>, "state"> & Readonly<{ state: KeyState | "lost" }>;

function printKeys(keys: readonly KeyRow[]): void {
  const columns = [
    ...["id", "begins with", "role", "platform", "name", "state", "created", "by", "expires"],
  ].map((title) => ({ title }));
  const rows = keys.map((key) => [
    key.id,
    key.prefix,
    key.role,
    key.platform ?? "all",
    key.name,
    key.state,
    key.created_at,
    key.created_by,
    key.expires_at,
  ]);
  print(renderTable(columns, rows));
  if (keys.some(({ state }) => state === "lost")) print(LOST);
}

const LOST =
  "\nA lost key opens nothing: the digest of its secret is not kept here. `keys rotate` puts a new key in its place.";

function parseText(text: string): string {
  const isPlain = text.trim() === text && text !== "" && isStorable(text);
  if (isPlain && Buffer.byteLength(text) <= ID_BYTES_MAX) return text;
  throw new InvalidArgumentError(`expected some text of at most ${ID_BYTES_MAX} bytes`);
}

/** Computes when a key that is created now expires. */
type Expiry = (now: Nanos) => Nanos;

const UNITS: Readonly<Record<string, bigint>> = { s: 1n, m: 60n, h: 3600n, d: 86_400n };

/** As of the durations of the configuration: whatever ends later is meant otherwise, and may have no date. */
const DURATION_MAX: Nanos = 36_500n * 86_400n * SECOND;

function parseExpiry(text: string): Expiry {
  const [, count = "", unit = ""] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const duration = BigInt(count) * (UNITS[unit] ?? 1n) * SECOND;
  if (unit !== "" && duration <= DURATION_MAX) return (now) => now + duration;
  const time = text.includes("T") ? parseTime(text) : null;
  if (time !== null && time > BigInt(Date.now()) * 1_000_000n) return () => time;
  throw new InvalidArgumentError(
    "expected a duration up to 36500d such as 90d, or an ISO 8601 time with a zone that is still to come",
  );
}

const HELP = `
Once a first key was created, every route under /v1 needs one, permanently.

Examples:
  $ counterfoil keys create --role operator --name deploy
  $ counterfoil keys create --role reader --platform ABC123 --expires 90d --json`;
