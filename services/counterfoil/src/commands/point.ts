import { formatTime, type Nanos, parseTime } from "@counterfoil/core/exact/time";
import type { EventStream } from "@counterfoil/processing/ports/event-stream";
import { lastPositionBy } from "@counterfoil/processing/queries/positions";
import { InvalidArgumentError } from "commander";
import { WrongUsage } from "../error-report.ts";

/** A moment of the stream as a person names it: a position, or when events were recorded. */
export type Point = Readonly<{ position: number }> | Readonly<{ time: Nanos }>;

export const POINT_HELP =
  "Points are positions (1234) or times of recording (2026-03-01T00:00:00Z).";

export function parsePoint(text: string): Point {
  if (/^[1-9]\d{0,14}$/.test(text)) return { position: Number(text) };
  // Bare digits are positions; a time that is a count of seconds would be taken for one.
  const time = /^\d+$/.test(text) ? null : parseTime(text);
  if (time !== null) return { time };
  throw new InvalidArgumentError(
    "expected a position from 1 on, or a time with a zone such as 2026-03-01T00:00:00Z",
  );
}

/**
 * The last position of a moment.
 *
 * @throws WrongUsage where the stream has no such position, or nothing was recorded by then
 */
export async function lastPositionOf(stream: EventStream, point: Point): Promise<number> {
  if ("position" in point) return existing(stream, point.position);
  const position = await lastPositionBy(stream, point.time);
  if (position > 0) return position;
  throw new WrongUsage(`nothing was recorded by ${formatTime(point.time)}: name a later time`);
}

/** The first position from a moment on. @throws WrongUsage as `lastPositionOf` */
export async function firstPositionOf(stream: EventStream, point: Point): Promise<number> {
  if ("position" in point) return existing(stream, point.position);
  const before = await lastPositionBy(stream, point.time - 1n);
  if (before < (await stream.head()).position) return before + 1;
  throw new WrongUsage(
    `nothing was recorded from ${formatTime(point.time)} on: name an earlier time`,
  );
}

async function existing(stream: EventStream, position: number): Promise<number> {
  const head = await stream.head();
  if (position <= head.position) return position;
  throw new WrongUsage(`there is no position ${position}: the stream ends at ${head.position}`);
}
