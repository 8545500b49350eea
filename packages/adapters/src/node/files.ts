import { isUtf8 } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  type ReadStream,
  readSync,
  type Stats,
} from "node:fs";
import { type FileHandle, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ExportRefused, FileUnusable } from "@counterfoil/processing/ports/errors";
import { flush } from "./runtime.ts";

/**
 * Runs `write` on a temporary file beside the target, and renames it when it is complete. An existing
 * target is kept until then; of several writers at once, each writes a whole file, and the last one stays.
 * Temporary files of writers that were killed are removed.
 *
 * @throws FileUnusable if it cannot be written: a full disk, no such folder, no permission, or no file
 */
export async function writeWholeFile<T>(
  file: string,
  write: (path: string) => Promise<T>,
): Promise<T> {
  try {
    const target = await targetOf(file);
    await removeLeftParts(target);
    return await withPart(target, async (path) => {
      const result = await write(path);
      flush(path);
      await rename(path, target);
      flush(dirname(target));
      return result;
    });
  } catch (error) {
    throw fileError(error, file);
  }
}

/**
 * Checks that a file can be written, before long work whose result goes into it.
 *
 * @throws FileUnusable if it cannot
 */
export async function checkWritable(file: string): Promise<void> {
  try {
    await withPart(await targetOf(file), (path) => rm(path));
  } catch (error) {
    throw fileError(error, file);
  }
}

/** The file itself, if it is named by a link. A device or a pipe would be replaced by a file, so it is refused. */
async function targetOf(file: string): Promise<string> {
  const target = await realpath(file).catch(() => resolve(file));
  const found = await stat(target).catch(() => null);
  if (found === null || found.isFile()) return target;
  throw noRegularFile(file, found);
}

function noRegularFile(file: string, found: Stats): FileUnusable {
  if (found.isDirectory()) return new FileUnusable(`${file}: ${FILE_ERRORS.EISDIR}`);
  const kind = found.isFIFO() ? "pipe" : found.isSocket() ? "socket" : "device";
  return new FileUnusable(`${file}: it is a ${kind}, expected a regular file: name one`);
}

async function withPart<T>(target: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(dirname(target), `${partPrefix(target)}${process.pid}.${randomUUID()}.part`);
  // Only the owner may read it, because it holds customers' balances.
  await (await open(path, "wx", 0o600)).close();
  try {
    return await work(path);
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

const partPrefix = (target: string): string => `.${basename(target)}.`;

/**
 * Those of other processes that run are kept. If one of another machine is removed, its writer cannot
 * rename it, and says so.
 */
async function removeLeftParts(target: string): Promise<void> {
  const prefix = partPrefix(target);
  for (const name of await readdir(dirname(target))) {
    const [pid, id, end] = name.startsWith(prefix) ? name.slice(prefix.length).split(".") : [];
    const isPart = id !== undefined && end?.startsWith("part") === true;
    if (isPart && !isRunning(Number(pid))) await rm(join(dirname(target), name), { force: true });
  }
}

/** Whether another process has the number. In containers, the same command often has the same one. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** The SHA-256 of a file in hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK })) hash.update(chunk);
  return hash.digest("hex");
}

/** Writes generated text to a file; the generator waits for the disk. */
export async function writeParts<T>(path: string, parts: AsyncGenerator<string, T>): Promise<T> {
  const handle = await open(path, "w", 0o600);
  try {
    for (;;) {
      const part = await parts.next();
      if (part.done) return part.value;
      await writeAll(handle, part.value);
    }
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, part: string): Promise<void> {
  const bytes = Buffer.from(part);
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space",
  EDQUOT: "the disk quota is used up: free some space",
  EFBIG: "the file may not grow any further: raise the limit",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder: name a file",
  EACCES: "this user has no right to it",
  EPERM: "this user has no right to it",
  EROFS: "the disk is read-only",
};

/** A `FileUnusable` for an error of the file system; other errors are returned unchanged. */
function fileError(error: unknown, file: string): unknown {
  const { code = "", syscall } = Object(error) as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  const reason = FILE_ERRORS[code] ?? (error as Error).message;
  return new FileUnusable(`${file}: ${reason}`, { cause: error });
}

/** A pipe that nobody writes to is opened at once, and then refused, instead of waited for. */
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Reads a text file that an operator named.
 *
 * @throws FileUnusable if it cannot be read, is no regular file, or is longer than it may be
 */
export function readTextFile(file: string, bytesMax: number): string {
  try {
    const descriptor = openSync(file, READ_AT_ONCE);
    try {
      const found = fstatSync(descriptor);
      if (!found.isFile()) throw noRegularFile(file, found);
      if (found.size > bytesMax) throw tooLong(file, `${found.size} bytes`, bytesMax);
      // A file may grow, and one of the system says that it has no bytes.
      const bytes = Buffer.alloc(bytesMax + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length <= bytesMax; length += read) {
        read = readSync(descriptor, bytes, length, bytes.length - length, null);
      }
      if (length > bytesMax) throw tooLong(file, `more than ${bytesMax} bytes`, bytesMax);
      return bytes.toString("utf8", 0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileError(error, file);
  }
}

const tooLong = (file: string, found: string, bytesMax: number): FileUnusable =>
  new FileUnusable(`${file}: it has ${found}, expected at most ${bytesMax}: name another file`);

/** Larger than the longest accepted body in base64, and close to the maximum length of a string. */
const LINE_BYTES_MAX = 384 * 1024 * 1024;
const NEWLINE = 10;
const CHUNK = 1024 * 1024;

/**
 * Reads the lines of a text file in batches, in bounded memory.
 *
 * @throws FileUnusable if it cannot be read, or is no regular file
 * @throws ExportRefused at a line that is not UTF-8, has no line end, or is too long
 */
export async function* readLines(file: string): AsyncGenerator<readonly string[]> {
  let number = 0;
  let rest: Buffer[] = [];
  let restLength = 0;
  const bad = (what: string) => new ExportRefused(`line ${number + 1}: ${what}`);
  const lineOf = (bytes: Buffer): string => {
    if (!isUtf8(bytes)) throw bad("expected text in UTF-8");
    number += 1;
    return bytes.toString("utf8");
  };
  try {
    for await (const chunk of await openRegular(file)) {
      const bytes = chunk as Buffer;
      const lines: string[] = [];
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        const part = bytes.subarray(start, end);
        lines.push(lineOf(rest.length === 0 ? part : Buffer.concat([...rest, part])));
        [rest, restLength, start] = [[], 0, end + 1];
      }
      if (start < bytes.length) rest.push(bytes.subarray(start));
      restLength += bytes.length - start;
      if (restLength > LINE_BYTES_MAX) throw bad(`longer than ${LINE_BYTES_MAX} bytes`);
      yield lines;
    }
  } catch (error) {
    throw fileError(error, file);
  }
  if (restLength > 0) throw bad("the file ends within it: it was cut, export it again");
}

/** @throws FileUnusable */
async function openRegular(file: string): Promise<ReadStream> {
  const handle = await open(file, READ_AT_ONCE);
  const found = await handle.stat();
  if (found.isFile()) return handle.createReadStream({ highWaterMark: CHUNK });
  await handle.close();
  throw noRegularFile(file, found);
}
