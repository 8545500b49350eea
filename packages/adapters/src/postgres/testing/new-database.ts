import { randomUUID } from "node:crypto";
import { queryOnce } from "./use-postgres.ts";

/** Creates an empty database with a default isolation level on a server. @returns its URL */
export async function newDatabase(
  serverUrl: string,
  isolation = "read committed",
): Promise<string> {
  const url = new URL(serverUrl);
  const name = `t${randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await queryOnce(serverUrl, `CREATE DATABASE ${name}`);
  const set = `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`;
  await queryOnce(serverUrl, set);
  url.pathname = `/${name}`;
  return url.href;
}
