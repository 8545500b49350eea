import { readFileSync } from "node:fs";

const { version } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as Readonly<{ version: string }>;

export const VERSION = version;

/** Identifies this program in the activations that it records. */
export const BUILD = `counterfoil ${version}`;
