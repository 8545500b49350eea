import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readdirSync, realpathSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../testing/free-ports.ts";

const run = promisify(execFile);

/** A separate PostgreSQL server in a temporary folder, which ends with the process that started it. */
export type ThrowAwayServer = Readonly<{
  /** The URL for its superuser, who needs no password. */
  url: string;
  port: number;
  /** The folder of its files, such as pg_hba.conf. */
  dataDir: string;
  /** The folder of its programs: psql, pg_dump. */
  binDir: string;
  /** Stops it like `pg_ctl stop -m immediate`: nothing more is written. */
  stop(): Promise<void>;
  /** Starts it again after a stop, with the same port and files. */
  start(): Promise<void>;
  /** Makes it reload its configuration. */
  reload(): void;
  signal(name: "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Stops it and removes its files. */
  dispose(): Promise<void>;
}>;

const DEBIAN = "/usr/lib/postgresql";

/** The folder that contains initdb; null if PostgreSQL is not installed. */
export function findPostgres(): string | null {
  const debian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(DEBIAN, version, "bin"))
    : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...debian];
  const found = folders.find((folder) => folder !== "" && isExecutable(join(folder, "initdb")));
  // The folder of a symbolic link may not contain the other programs.
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
 * Stops the server when standard input ends, and so with this process, however it ends. The server's
 * files are removed, unless the input says to keep them.
 */
const GUARD = `
  folder=$1; shift
  "$@" & server=$!
  word=$(cat)
  kill -QUIT $server; wait $server
  [ "$word" = ${KEEP} ] || rm -rf "$folder"/*
  exit 0`;

/** PostgreSQL refuses to run as root, so root starts it as another user. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** Continues to read the log afterwards, because the server blocks when the pipe is full. */
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

/** Signals the server and all its processes; the postmaster first, so that it starts no new ones. */
async function signalAll(dataDir: string, name: NodeJS.Signals): Promise<void> {
  const { stdout } = await run("head", ["-n", "1", join(dataDir, "postmaster.pid")]);
  const postmaster = Number(stdout);
  process.kill(postmaster, name);
  const children = await run("ps", ["--ppid", `${postmaster}`, "-o", "pid="]);
  for (const pid of children.stdout.trim().split(/\s+/)) signalIfThere(Number(pid), name);
}

/** Ignores a process that has ended since it was listed. */
function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
