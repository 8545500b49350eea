import { parse } from "yaml";
import { readRootFile } from "./root-file.ts";

/** One service, as far as the tests ask. */
export type ComposeService = Readonly<{
  image: string;
  build?: Readonly<{ dockerfile: string }>;
  profiles?: readonly string[];
  command?: readonly string[];
  environment?: Readonly<Record<string, string | number>>;
  env_file?: readonly (string | Readonly<{ path: string; required: boolean }>)[];
  ports?: readonly string[];
  volumes?: readonly (string | Readonly<{ type: string; target: string }>)[];
  healthcheck?: Readonly<Record<string, unknown>>;
  depends_on?: Readonly<Record<string, Readonly<{ condition: string }>>>;
  read_only?: boolean;
  cap_drop?: readonly string[];
  security_opt?: readonly string[];
}>;

type ComposeFile = Readonly<{
  services: Readonly<Record<string, ComposeService>>;
  volumes: Readonly<Record<string, unknown>>;
}>;

export function readComposeFile(): ComposeFile {
  // Whether it says what the type says is what the test and `docker compose config` are for.
  return parse(readRootFile("docker-compose.yml"), { merge: true }) as ComposeFile;
}

/** `NAME=value` lines, as the compose plugin reads them. */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  const lines = readRootFile(path)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

/** `${NAME:-default}` with nothing set: what a first `docker compose up` sees. */
export function withDefaults(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1");
}
