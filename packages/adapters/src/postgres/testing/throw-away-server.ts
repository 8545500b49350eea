import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readdirSync, realpathSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../testing/free-ports.ts";

const run = promisify(execFile);

/** A PostgreSQL of one's own in a temporary folder; gone with the process that started it. */
export type ThrowAwayServer = Readonly<{
  /** Of its superuser, who needs no password. */
  url: string;
  port: number;
  /** Its files, among them pg_hba.conf. */
  dataDir: string;
  /** The folder of its programs: psql, pg_dump. */
  binDir: string;
  /** As `pg_ctl stop -m immediate` does: nothing is written any more. */
  stop(): Promise<void>;
  /** Again after a stop, on the same port and files. */
  start(): Promise<void>;
  /** Reads its configuration again. */
  reload(): void;
  signal(name: "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Stops it and removes its files. */
  dispose(): Promise<void>;
}>;

const DEBIAN = "/usr/lib/postgresql";

/** The folder that holds initdb; null where PostgreSQL is not installed. */
export function findPostgres(): string | null {
  const debian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(DEBIAN, version, "bin"))
    : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...debian];
  const found = folders.find((folder) => folder !== "" && isExecutable(join(folder, "initdb")));
  // Beside a link may lie none of the other programs.
  return found === undefined ? null : dirname(realpathSync(join(found, "initdb")));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function startThrowAwayServer(
  binDir: string,
  settings: readonly string[] = [],
): Promise<ThrowAwayServer> {
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), "counterfoil-postgres-"));
  if (user) await chown(folder, user.uid, user.gid);
  const dataDir = join(folder, "data");
  const init = ["-D", dataDir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
  await run(join(binDir, "initdb"), init, { ...user, cwd: folder });
  const port = await freePorts();
  const options = ["-p", `${port}`, "-k", folder, "-c", "listen_addresses=127.0.0.1"];
  for (const setting of ["synchronous_commit=on", ...settings]) options.push("-c", setting);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let postgres: ChildProcess | null = null;

  async function start(): Promise<void> {
    const command = [join(binDir, "postgres"), "-D", dataDir, ...options];
    postgres = spawn("sh", ["-c", GUARD, "sh", folder, ...command], {
      ...user,
      cwd: folder,
      stdio: ["pipe", "ignore", "pipe"],
    });
    postgres.stdin?.on("error", () => undefined);
    await untilReady(postgres);
  }

  async function end(lastWord: string): Promise<void> {
    if (postgres === null || postgres.exitCode !== null) return;
    const exit = once(postgres, "exit");
    postgres.stdin?.end(lastWord);
    await exit;
  }

  await start();
  return {
    url,
    port,
    dataDir,
    binDir,
    start,
    stop: () => end(KEEP),
    reload: () =>
      execFileSync(join(binDir, "pg_ctl"), ["reload", "-s", "-D", dataDir], { ...user }),
    signal: (name) => signalAll(dataDir, name),
    dispose: async () => {
      await end("");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const KEEP = "keep";

/**
 * The server ends when its standard input does: with this process, however that ends. Its files go
 * too, unless it was told to keep them.
 */
const GUARD = `
  folder=$1; shift
  "$@" & server=$!
  word=$(cat)
  kill -QUIT $server; wait $server
  [ "$word" = ${KEEP} ] || rm -rf "$folder"/*
  exit 0`;

/** PostgreSQL refuses to run as root, who must lend it another user. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** Goes on reading the log: a server that nobody listens to stands still at its next line. */
function untilReady({ stderr }: ChildProcess): Promise<void> {
  let log = "";
  return new Promise((resolve, reject) => {
    stderr?.on("data", (chunk) => {
      if (log.length < LOG_KEPT) log += String(chunk);
      if (log.includes("ready to accept connections")) resolve();
    });
    stderr?.on("end", () => reject(new Error(`PostgreSQL did not start: ${log}`)));
  });
}

const LOG_KEPT = 100_000;

/** The server and all of its processes; itself first, so that it starts no others meanwhile. */
async function signalAll(dataDir: string, name: NodeJS.Signals): Promise<void> {
  const { stdout } = await run("head", ["-n", "1", join(dataDir, "postmaster.pid")]);
  const postmaster = Number(stdout);
  process.kill(postmaster, name);
  const children = await run("ps", ["--ppid", `${postmaster}`, "-o", "pid="]);
  for (const pid of children.stdout.trim().split(/\s+/)) signalIfThere(Number(pid), name);
}

/** One that ended since it was listed needs no signal. */
function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
