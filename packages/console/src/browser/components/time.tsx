import { zone } from "../preferences.ts";

/** A time with all digits that the service returned; its title shows it in the other time zone. */
export function Time({ at }: Readonly<{ at: string | null | undefined }>) {
  if (at === null || at === undefined) return <span class="time unknown">–</span>;
  const { date, clock, fraction } = zone.value === "utc" ? utcOf(at) : localOf(at);
  const other = zone.value === "utc" ? localOf(at) : utcOf(at);
  const otherName = zone.value === "utc" ? "local time" : "UTC";
  return (
    <time
      class="time"
      datetime={at}
      title={`${other.date} ${other.clock}${other.fraction} ${otherName}`}
    >
      <span class="date">{dashed(date)}</span> {clock}
      <span class="fraction">{fraction}</span>
    </time>
  );
}

/** Dashes are styled separately, because tabular digits make them wide. */
const dashed = (date: string) =>
  date.split("-").map((part, at) => [at > 0 && <span class="dash">-</span>, part]);

type Moment = Readonly<{ date: string; clock: string; fraction: string }>;

const ISO = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?Z$/;

function utcOf(at: string): Moment {
  const [, date = at, clock = "", fraction = ""] = ISO.exec(at) ?? [];
  return { date, clock, fraction };
}

function localOf(at: string): Moment {
  const { fraction } = utcOf(at);
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return utcOf(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return {
    date: `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`,
    clock: `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`,
    fraction,
  };
}

const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
] as const;

/** Seconds in the two largest units, such as `2 d 3 h`; less than a second in milliseconds. */
export function durationText(seconds: number): string {
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** How long ago, by this machine's clock. */
export function Ago({ at }: Readonly<{ at: string }>) {
  const seconds = (Date.now() - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return null;
  return <span class="ago">{durationText(seconds)} ago</span>;
}
