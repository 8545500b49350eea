import type { AnswerOf, Client, components } from "@counterfoil/client";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { Panel } from "../components/panel.tsx";
import { Amount, Time } from "../components/values.tsx";
import { Empty, Loaded, useResource } from "../resource.tsx";
import { go, type Moment, momentGiven, query, withQuery } from "../router.ts";
import { theme, zone } from "../session.ts";
import { countOf } from "../text.ts";
import { nanosOf } from "../time.ts";

type Balance = components["schemas"]["Balance"];
export type Entry = components["schemas"]["Entry"];
type EntryPage = AnswerOf<"listEntries">;

/** The most entries that are drawn. */
const DRAWN = 400;

/** The balance over time, and a slider that selects the moment of a drawn entry. */
export function BalanceOverTime({ account: { id, asset } }: Readonly<{ account: Balance }>) {
  const moment = momentGiven();
  const page = useResource(
    `drawn ${id} ${JSON.stringify(moment)}`,
    ["balances"],
    (client, signal) => loadDrawn(client, { id, moment, signal }),
  );
  return (
    <Panel title="Balance over time" aside={page.state === "loaded" && drawnText(page.data)}>
      <Loaded resource={page} lines={6}>
        {({ data, isNewest }) => {
          const entries = data.filter((entry) => timeOf(entry) !== null).reverse();
          return entries.length === 0 ? (
            <Empty>Nothing to draw.</Empty>
          ) : (
            <>
              <Plot entries={entries} asset={asset} at={moment.as_of ?? null} />
              <Slider stops={stopsOf(entries)} isNewest={isNewest} />
            </>
          );
        }}
      </Loaded>
      <MomentForm />
    </Panel>
  );
}

type Drawn = EntryPage & Readonly<{ isNewest: boolean }>;

type DrawnRequest = Readonly<{ id: string; moment: Moment; signal: AbortSignal }>;

/** The newest entries; the newest ones at the moment, if it is before all of those. */
async function loadDrawn(client: Client, { id, moment, signal }: DrawnRequest): Promise<Drawn> {
  const { as_of, ...known } = moment;
  const request = { id, ...known, order: "desc", limit: DRAWN } as const;
  const newest = await client.listEntries(request, { signal });
  const oldest = newest.data.findLast((entry) => timeOf(entry) !== null);
  const isReached = oldest === undefined || as_of === undefined || isAt(oldest, as_of);
  if (isReached || newest.next_cursor === null) return { ...newest, isNewest: true };
  return { ...(await client.listEntries({ ...request, as_of }, { signal })), isNewest: false };
}

function drawnText({ next_cursor, data, isNewest }: Drawn): string {
  const then = isNewest ? "" : " until then";
  return `${next_cursor === null ? "all entries" : `the newest ${countOf(data.length, "entry")}`}${then}`;
}

/** Each step selects the moment of one entry. */
export const timeOf = (entry: Entry): string | null =>
  entry.kind === "gap" ? entry.opened_at : entry.effective_at;

export function balanceOf(entry: Entry): string | null | undefined {
  if (entry.kind === "gap" || entry.kind === "contradiction") return undefined;
  return entry.balance;
}

/** The entries whose balance a moment can show: of several at one time the last. */
const stopsOf = (entries: readonly Entry[]): readonly Entry[] =>
  entries
    .filter((entry) => balanceOf(entry) != null)
    .filter(
      (entry, at, all) => timeOf(entry) !== timeOf(all[at + 1] ?? entry) || at === all.length - 1,
    );

type SliderProps = Readonly<{
  stops: readonly Entry[];
  /** Whether the last stop is the present. */
  isNewest: boolean;
}>;

function Slider({ stops, isNewest }: SliderProps) {
  const last = stops.length - 1;
  // A time, because stops are counted anew when entries come.
  const [moved, setMoved] = useState<string | null>(null);
  const at = moved ?? query.value.get("as_of");
  const index = at === null ? last : stopAt(stops, at);
  const shown = stops[index];
  if (last < 1) return null;
  const timeAt = (index: string): string | null => {
    const stop = stops[Number(index)];
    return stop === undefined ? null : timeOf(stop);
  };
  const choose = (index: string) => {
    setMoved(null);
    const isNow = isNewest && Number(index) === last;
    go(withQuery({ as_of: isNow ? null : timeAt(index) }), "replace");
  };
  return (
    <div class="slider">
      <label for="slider">Time</label>
      <input
        id="slider"
        type="range"
        min={0}
        max={last}
        step={1}
        value={Math.max(0, index)}
        aria-valuetext={shown ? `${balanceOf(shown)} at ${timeOf(shown)}` : BEFORE}
        onInput={({ currentTarget }) => setMoved(timeAt(currentTarget.value))}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      />
      <output for="slider">
        {shown ? (
          <>
            <Amount value={balanceOf(shown)} /> <Time at={timeOf(shown)} />
          </>
        ) : (
          BEFORE
        )}
      </output>
    </div>
  );
}

const BEFORE = "before all that is drawn";

/** The last stop that is not after a time; -1 if all are. */
const stopAt = (stops: readonly Entry[], at: string): number =>
  stops.findLastIndex((stop) => isAt(stop, at));

/** Whether an entry is not after a time. */
function isAt(entry: Entry, at: string): boolean {
  const [time, latest] = [nanosOf(timeOf(entry) ?? ""), nanosOf(at)];
  return time !== null && latest !== null && time <= latest;
}

type PlotProps = Readonly<{
  /** In order of time. */
  entries: readonly Entry[];
  asset: string;
  /** A time to mark. */
  at: string | null;
}>;

const HEIGHT = 220;

/** The balance as steps; at a gap the line is interrupted and labelled with the missing amount. */
function Plot({ entries, asset, at }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const { value: chosenTheme } = theme;
  const { value: chosenZone } = zone;
  // Drawn again only for other figures: the entries are loaded again all the time.
  const drawing = JSON.stringify(entries.map((one) => [timeOf(one), balanceOf(one), textOf(one)]));
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const plot = new uPlot(optionsFor({ element, entries, at }), pointsOf(entries), element);
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    const system = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.redraw(false, true);
    system.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      system.removeEventListener("change", redraw);
      plot.destroy();
    };
  }, [drawing, at, chosenTheme, chosenZone]);
  const gaps = entries.filter(isOpenGap).length;
  return (
    <figure
      ref={place}
      class="plot"
      role="img"
      aria-label={`Balance in ${asset} over time, ${gaps} open gaps; the history below has every figure`}
    />
  );
}

const isOpenGap = (entry: Entry): boolean => entry.kind === "gap" && entry.closed_position === null;

const secondsOf = (entry: Entry): number => Date.parse(timeOf(entry) ?? "") / 1000;

/** The share of the plot's width that stays empty at a gap. */
const BREAK = 0.012;

/**
 * Amounts become numbers only here, to be drawn. At a gap the last balance is repeated, followed by
 * null, so that the line is interrupted before the next entry.
 */
function pointsOf(entries: readonly Entry[]): uPlot.AlignedData {
  const times: number[] = [];
  const balances: (number | null)[] = [];
  const all = entries.map(secondsOf);
  const span = (all.at(-1) ?? 0) - (all[0] ?? 0) || 1;
  const add = (time: number, balance: number | null) => {
    times.push(Math.max(time, times.at(-1) ?? time));
    balances.push(balance);
  };
  for (const entry of entries) {
    const balance = balanceOf(entry);
    const at = secondsOf(entry);
    if (isOpenGap(entry)) {
      add(at - BREAK * span, balances.at(-1) ?? null);
      add(at - (BREAK / 2) * span, null);
    } else if (balance != null) add(at, Number(balance));
  }
  return [times, balances];
}

const DAY = 86_400;
/** The labels of the time axis, and of the ticks at which a new day or minute begins. */
const TICKS: uPlot.Axis.Values = [
  [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * DAY, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [DAY, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [
    ...([0.001, ":{ss}", "\n{YYYY}-{MM}-{DD} {HH}:{mm}", null] as const),
    ...(["\n{MM}-{DD} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1] as const),
  ],
];

type Drawing = Readonly<{ element: HTMLElement; entries: readonly Entry[]; at: string | null }>;

function optionsFor({ element, entries, at }: Drawing): uPlot.Options {
  const colour = (name: string) => () => colourOf(element, name);
  const axis = {
    stroke: colour("--ink-2"),
    font: "12px Inter, sans-serif",
    grid: { stroke: colour("--line-soft"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [14, 18, 0, 4],
    legend: { show: false },
    // Of a single time uPlot makes a range of years.
    scales: { x: { range: () => rangeOf(entries, at) } },
    cursor: { y: false, points: { size: 7 } },
    tzDate: (seconds) =>
      zone.value === "utc"
        ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC")
        : new Date(seconds * 1000),
    axes: [
      { ...axis, values: TICKS },
      {
        ...axis,
        ...(entries.some(isLong) && { incrs: LONG_STEPS }),
        values: (_, ticks) => ticks.map(labelOf),
        size: (_, values) => 16 + 7 * longest(values),
      },
    ],
    series: [
      {},
      {
        stroke: colour("--brand"),
        width: 1.75,
        points: { show: entries.length <= 60, size: 5, fill: colour("--brand") },
        ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
      },
    ],
    hooks: {
      draw: [
        (plot) => {
          for (const gap of entries.filter(isOpenGap)) {
            drawLine(plot, secondsOf(gap), colourOf(element, "--bad"), textOf(gap));
          }
          if (at !== null) drawLine(plot, Date.parse(at) / 1000, colourOf(element, "--focus"), "");
        },
      ],
    },
  };
}

/** The drawn time, with a margin so that no step is at the edge, and with the marked time unless it is yet to come. */
function rangeOf(entries: readonly Entry[], at: string | null): [number, number] {
  const times = entries.map(secondsOf);
  const marked = at === null ? [] : [Date.parse(at) / 1000];
  const shown = [...times, ...marked.filter((time) => time <= Date.now() / 1000)];
  const [min, max] = [Math.min(...shown), Math.max(...shown)];
  const margin = 0.02 * (max - min) || 60;
  return [min - margin, max + margin];
}

const FIGURES = new Intl.NumberFormat("en", { maximumSignificantDigits: 12 });
/** Numbers are exact up to here; longer ones would leave no room for the line. */
const LONG = 1e15;

const isLong = (entry: Entry): boolean => Math.abs(Number(balanceOf(entry) ?? 0)) >= LONG;

/** Steps between the ticks of such balances: uPlot knows none of more than 32 digits. */
const LONG_STEPS = Array.from({ length: 120 }, (_, at) => 10 ** (10 + at)).flatMap((step) =>
  [1, 2, 5].map((times) => times * step),
);

/** The label of a tick: a place on the axis, not an amount. */
const labelOf = (tick: number): string =>
  Math.abs(tick) < LONG ? FIGURES.format(tick) : tick.toExponential().replace("e+", "e");

const longest = (values: readonly string[] | null): number =>
  Math.max(1, ...(values ?? []).map((value) => value?.length ?? 0));

const textOf = (entry: Entry): string =>
  entry.kind === "gap" && isOpenGap(entry) ? `gap ${entry.missing_amount}` : "";

function drawLine(plot: uPlot, time: number, colour: string, text: string): void {
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(time, "x", true));
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${12 * devicePixelRatio}px Inter, sans-serif`;
  ctx.textAlign = x > bbox.left + bbox.width / 2 ? "right" : "left";
  const aside = (ctx.textAlign === "right" ? -6 : 6) * devicePixelRatio;
  // The outline keeps the label readable over the line of balances.
  ctx.setLineDash([]);
  ctx.lineWidth = 5 * devicePixelRatio;
  ctx.strokeStyle = colourOf(plot.root, "--panel");
  ctx.strokeText(text, x + aside, bbox.top + bbox.height - 8 * devicePixelRatio);
  ctx.fillText(text, x + aside, bbox.top + bbox.height - 8 * devicePixelRatio);
  ctx.restore();
}

/** The value of a colour variable in the present theme. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Selects a past moment by `as_of` and `known_at`; both are kept in the address. */
export function MomentForm() {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const textOf = (name: string) => asTime(String(given.get(name) ?? ""));
    go(withQuery({ as_of: textOf("as_of"), known_at: textOf("known_at") }));
  };
  return (
    <form class="filters moment" onSubmit={submit}>
      <Field name="as_of" title="As of (UTC)" />
      <Field name="known_at" title="Known at (UTC)" />
      <button type="submit">Show</button>
    </form>
  );
}

function Field({ name, title }: Readonly<{ name: string; title: string }>) {
  const field = useRef<HTMLInputElement>(null);
  const given = query.value.get(name) ?? "";
  useEffect(() => {
    if (field.current !== null) field.current.value = given;
  }, [given]);
  return (
    <div class="filter">
      <label for={`moment-${name}`}>{title}</label>
      <input
        id={`moment-${name}`}
        name={name}
        ref={field}
        placeholder="2026-01-31T12:00:00Z"
        autocomplete="off"
        spellcheck={false}
        size={30}
      />
    </div>
  );
}

/** Completes a day or a minute to the full time that the service requires. */
function asTime(text: string): string {
  const given = text.trim().replace(" ", "T");
  if (/^\d{4}-\d{2}-\d{2}$/.test(given)) return `${given}T00:00:00Z`;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z?$/.test(given)) return `${given.replace("Z", "")}:00Z`;
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/.test(given)) return `${given}Z`;
  return given;
}
