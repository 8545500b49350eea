import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ledgerFolder } from "@counterfoil/adapters/connect";
import type { Config } from "@counterfoil/contracts/config";
import { StartupError } from "@counterfoil/contracts/error-code";
import { openFilesMax } from "@counterfoil/http/door";

/** All roles in one process have about 90 open before anybody connects. */
const OPEN_FILES_MIN = 256;

/**
 * Whether a role may open what it needs. Without, it would fail at whatever it opens next.
 *
 * @throws StartupError configuration_invalid
 */
export function checkOpenFiles(): void {
  const files = openFilesMax();
  if (files === null || files >= OPEN_FILES_MIN) return;
  throw new StartupError(
    "configuration_invalid",
    `this process may open ${files} files and connections, and needs ${OPEN_FILES_MIN}: raise the limit (ulimit -n, LimitNOFILE of a unit, ulimits of a container)`,
  );
}

/**
 * Makes the folder of a ledger that lies in files.
 *
 * @throws StartupError configuration_invalid where there can be no such folder
 */
export function createDataFolder(config: Config): void {
  if (config.COUNTERFOIL_POSTGRES_URL !== undefined) return;
  const folder = resolve(ledgerFolder(config));
  try {
    createFolder(folder);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!IMPOSSIBLE.has(code)) throw error;
    throw new StartupError(
      "configuration_invalid",
      `COUNTERFOIL_DATA_DIR: there can be no folder ${folder} (${code}): expected one that this user may create or write to`,
    );
  }
}

const IMPOSSIBLE: ReadonlySet<string> = new Set([
  ...["EACCES", "EEXIST", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOTDIR", "EPERM", "EROFS"],
]);

/** Node's own recursive way tries for ever where the system denies a folder that could be (`/proc`). */
function createFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(folder) !== folder) createFolder(dirname(folder));
  mkdirSync(folder);
}
