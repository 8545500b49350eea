import { randomUUID } from "node:crypto";
import { queryOnce } from "./use-postgres.ts";

/** An empty database on a server. @returns its URL */
export async function newDatabase(serverUrl: string): Promise<string> {
  const url = new URL(serverUrl);
  const name = `t${randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await queryOnce(serverUrl, `CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  return url.href;
}
