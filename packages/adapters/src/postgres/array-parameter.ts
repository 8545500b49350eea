import { type BinaryWriter, startWriting } from "./binary-writer.ts";

/**
 * Arrays as parameters: a thousand rows go through one prepared statement, as one array a column.
 * The driver itself would print them, and the server parse them, at half the speed.
 */
const OID = { text: 25, bigint: 20, bytea: 17 } as const;

export function textArray(values: readonly (string | null)[]): Buffer {
  return arrayOf(OID.text, values, (writer, value) => writer.text(value));
}

/** Numbers must be safe integers. */
export function bigintArray(values: readonly (number | bigint | null)[]): Buffer {
  return arrayOf(OID.bigint, values, (writer, value) => writer.integer(value));
}

export function byteaArray(values: readonly Uint8Array[]): Buffer {
  return arrayOf(OID.bytea, values, (writer, value) => writer.bytes(value));
}

function arrayOf<T>(
  oid: number,
  values: readonly (T | null)[],
  write: (writer: BinaryWriter, value: T) => void,
): Buffer {
  const writer = startWriting();
  writer.raw(headerOf(oid, values));
  for (const value of values) {
    if (value === null) writer.none();
    else write(writer, value);
  }
  return writer.finish();
}

/** Dimensions, whether there are nulls, type, and of the one dimension size and lowest index. */
function headerOf(oid: number, values: readonly unknown[]): Buffer {
  if (values.length === 0) return int32s([0, 0, oid]);
  return int32s([1, values.includes(null) ? 1 : 0, oid, values.length, 1]);
}

function int32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => {
    bytes.writeInt32BE(value, 4 * at);
  });
  return bytes;
}
