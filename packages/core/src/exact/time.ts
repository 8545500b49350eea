/**
 * Times are integer nanoseconds since 1970-01-01T00:00:00Z. Providers print seconds, milli-,
 * micro- and nanoseconds, as numbers and as ISO text, sometimes two of them for one event.
 */
export type Nanos = bigint;

export const SECOND: Nanos = 1_000_000_000n;
export const MILLISECOND: Nanos = 1_000_000n;

/** The last time that an integer of 64 bits holds, in the year 2262. */
export const TIME_MAX: Nanos = 2n ** 63n - 1n;

/** Below 0 where `a` is earlier. */
export const compareTimes = (a: Nanos, b: Nanos): number => (a < b ? -1 : a > b ? 1 : 0);
const MICROSECOND: Nanos = 1_000n;

/** Facts are dated from 1970 to 2200; any other time was misread. */
const LATEST: Nanos = BigInt(Date.UTC(2201, 0, 1)) * MILLISECOND;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):?(\d{2}))$/;

const EPOCH = /^\d{1,19}$/;

/**
 * Parses a printed time: ISO 8601 with 0 to 9 fraction digits and a zone, or an epoch count whose
 * unit follows from its length (up to 11 digits seconds, 14 milli-, 17 micro-, 19 nanoseconds).
 *
 * @returns null if it is not a time or is outside the years 1970 to 2200.
 */
export function parseTime(printed: string): Nanos | null {
  const nanos = EPOCH.test(printed) ? fromEpoch(printed) : fromIso(printed);
  return nanos !== null && nanos >= 0n && nanos < LATEST ? nanos : null;
}

function fromEpoch(digits: string): Nanos {
  const count = BigInt(digits);
  if (digits.length <= 11) return count * SECOND;
  if (digits.length <= 14) return count * MILLISECOND;
  if (digits.length <= 17) return count * MICROSECOND;
  return count;
}

function fromIso(printed: string): Nanos | null {
  const match = ISO.exec(printed);
  if (match === null) return null;
  const [, year, month, date, hour, minute, second, fraction = "", sign, zoneHour, zoneMinute] =
    match;
  const day = secondOfDay(`${year}-${month}-${date}`);
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  const [zoneHours, zoneMinutes] = [Number(zoneHour ?? 0), Number(zoneMinute ?? 0)];
  // A leap second is printed as second 60.
  if (day === null || hours > 23 || minutes > 59 || seconds > 60) return null;
  if (zoneHours > 23 || zoneMinutes > 59) return null;
  const offset = (zoneHours * 60 + zoneMinutes) * (sign === "-" ? -1 : 1);
  const secondOfEpoch = day + hours * 3600 + (minutes - offset) * 60 + seconds;
  return BigInt(secondOfEpoch) * SECOND + BigInt(fraction.padEnd(9, "0"));
}

/** null if the calendar has no such day. */
function secondOfDay(date: string): number | null {
  const ms = Date.parse(`${date}T00:00:00Z`);
  const exists = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
  return exists ? ms / 1000 : null;
}

/**
 * ISO 8601 UTC with as many groups of three fraction digits as the time needs
 * (`…:06Z`, `…:06.534Z`, `…:06.534066Z`).
 */
export function formatTime(nanos: Nanos): string {
  const seconds = nanos / SECOND;
  const fraction = Number(nanos % SECOND);
  const whole = formatSecond(Number(seconds));
  if (fraction === 0) return `${whole}Z`;
  const digits = String(fraction).padStart(9, "0");
  if (fraction % 1_000_000 === 0) return `${whole}.${digits.slice(0, 3)}Z`;
  if (fraction % 1_000 === 0) return `${whole}.${digits.slice(0, 6)}Z`;
  return `${whole}.${digits}Z`;
}

/**
 * Number of days whose conversion is cached: a ledger formats and parses times of few days
 * repeatedly.
 */
const CACHED_DAYS = 64;

function cache<Key, Value>(days: Map<Key, Value>, day: Key, value: Value): Value {
  if (days.size >= CACHED_DAYS) days.clear();
  days.set(day, value);
  return value;
}

const dateOfDay = new Map<number, string>();

function formatSecond(second: number): string {
  const day = Math.floor(second / 86_400);
  const date =
    dateOfDay.get(day) ??
    cache(dateOfDay, day, new Date(day * 86_400_000).toISOString().slice(0, 11));
  const left = second - day * 86_400;
  const minute = Math.floor(left / 60);
  return `${date}${TWO_DIGITS[Math.floor(minute / 60)]}:${TWO_DIGITS[minute % 60]}:${TWO_DIGITS[left % 60]}`;
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));

/** Parses the time of a fact, which was written by `formatTime`. */
export function timeOf(stored: string): Nanos {
  const seconds = secondsOf(stored.slice(0, 19));
  const fraction = stored.slice(20, -1);
  return BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, "0"));
}

const secondOfDate = new Map<string, number>();

function secondsOf(text: string): number {
  const date = text.slice(0, 10);
  const second =
    secondOfDate.get(date) ?? cache(secondOfDate, date, Date.parse(`${date}T00:00:00Z`) / 1000);
  return (
    second +
    Number(text.slice(11, 13)) * 3600 +
    Number(text.slice(14, 16)) * 60 +
    Number(text.slice(17, 19))
  );
}

/** Whether `coarse` is `fine` cut to whole milliseconds, microseconds or seconds. */
export function isTruncationOf(coarse: Nanos, fine: Nanos): boolean {
  if (coarse === fine) return false;
  return UNITS.some((unit) => coarse % unit === 0n && fine - (fine % unit) === coarse);
}

const UNITS: readonly Nanos[] = [MICROSECOND, MILLISECOND, SECOND];

/**
 * The one time that several printed times of an event mean: a truncation of another one is ignored,
 * and the earliest of the rest counts. A function of the set, so it does not depend on the order of
 * arrival.
 */
export function agreedTime(times: readonly Nanos[]): Nanos | null {
  let agreed: Nanos | null = null;
  for (const time of times) {
    if (times.some((other) => isTruncationOf(time, other))) continue;
    if (agreed === null || time < agreed) agreed = time;
  }
  return agreed;
}

const LENGTHS: readonly (readonly [name: string, length: Nanos])[] = [
  ["week", 604_800n * SECOND],
  ["day", 86_400n * SECOND],
  ["hour", 3600n * SECOND],
  ["minute", 60n * SECOND],
  ["second", SECOND],
  ["millisecond", MILLISECOND],
  ["microsecond", MICROSECOND],
  ["nanosecond", 1n],
];

/** Formats a duration for people in the most suitable unit: `a week`, `an hour`, `12 seconds`. */
export function formatDuration(nanos: Nanos): string {
  const isUnit = (length: Nanos) => 10n * nanos >= 9n * length;
  const [name, length] = LENGTHS.find(([, length]) => isUnit(length)) ?? ["nanosecond", 1n];
  const count = (nanos + length / 2n) / length;
  if (count !== 1n) return `${count} ${name}s`;
  return name === "hour" ? "an hour" : `a ${name}`;
}
