/**
 * Values in the server's own binary format, which needs neither escapes nor parsing. Each stands
 * behind its length in bytes; numbers are big-endian.
 */
export type BinaryWriter = Readonly<{
  none(): void;
  text(value: string): void;
  /** A bigint of SQL; a number must be a safe integer. */
  integer(value: number | bigint): void;
  bytes(value: Uint8Array): void;
  /** Two bytes without a length before them. */
  short(value: number): void;
  raw(bytes: Uint8Array): void;
  /** What was written, as a buffer of its own. */
  finish(): Buffer;
}>;

const SCRATCH_BYTES = 1 << 18;

/** One buffer for all writers, one after the other: it has grown to what they need. */
let scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
let end = 0;

/** Until it has finished, no other may write. */
export function startWriting(): BinaryWriter {
  end = 0;
  return WRITER;
}

const WRITER: BinaryWriter = {
  none: () => writeLength(-1),
  text: (value) => {
    // Three bytes are the most that a UTF-16 unit becomes.
    makeRoom(4 + 3 * value.length);
    const length = scratch.write(value, end + 4, "utf8");
    writeLength(length);
    end += length;
  },
  integer: (value) => {
    makeRoom(12);
    writeLength(8);
    if (typeof value === "bigint") scratch.writeBigInt64BE(value, end);
    else {
      scratch.writeInt32BE(Math.floor(value / 2 ** 32), end);
      scratch.writeUInt32BE(value >>> 0, end + 4);
    }
    end += 8;
  },
  bytes: (value) => {
    writeLength(value.length);
    WRITER.raw(value);
  },
  short: (value) => {
    makeRoom(2);
    end = scratch.writeInt16BE(value, end);
  },
  raw: (bytes) => {
    makeRoom(bytes.length);
    scratch.set(bytes, end);
    end += bytes.length;
  },
  finish: () => {
    const written = Buffer.from(scratch.subarray(0, end));
    // One append of many megabytes does not hold them for ever.
    if (scratch.length > 64 * SCRATCH_BYTES) scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
    return written;
  },
};

function writeLength(length: number): void {
  makeRoom(4);
  end = scratch.writeInt32BE(length, end);
}

function makeRoom(bytes: number): void {
  if (end + bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(Math.max(2 * scratch.length, end + bytes));
  scratch.copy(larger, 0, 0, end);
  scratch = larger;
}
