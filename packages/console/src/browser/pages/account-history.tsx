import type { AnswerOf, components } from "@counterfoil/client";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { Panel } from "../components/panel.tsx";
import { Amount, countOf, Time } from "../components/values.tsx";
import { Empty, Loaded, ofRecord, useResource } from "../resource.tsx";
import { go, isPast, momentGiven, query, withQuery } from "../router.ts";
import { theme, zone } from "../session.ts";
import { nanosOf } from "../time.ts";

type Balance = components["schemas"]["Balance"];
export type Entry = components["schemas"]["Entry"];
type EntryPage = AnswerOf<"listEntries">;

/** The most entries that are drawn. */
const DRAWN = 400;

/** The balance over time, and a slider that selects the moment of a drawn entry. */
export function BalanceOverTime({ account: { id, asset } }: Readonly<{ account: Balance }>) {
  const { known_at } = momentGiven();
  const known = known_at === undefined ? {} : { known_at };
  const page = useResource(
    `drawn ${id} ${known_at}`,
    (client, signal) =>
      client.listEntries({ id, ...known, order: "desc", limit: DRAWN }, { signal }),
    ofRecord("balances", id),
  );
  return (
    <Panel title="Balance over time" aside={page.state === "loaded" && drawnText(page.data)}>
      <Loaded resource={page} lines={6}>
        {({ data }) => {
          const entries = data.filter((entry) => timeOf(entry) !== null).reverse();
          return entries.length === 0 ? (
            <Empty>Nothing to draw.</Empty>
          ) : (
            <>
              <Plot entries={entries} asset={asset} at={query.value.get("as_of")} />
              <Slider stops={entries.filter((entry) => balanceOf(entry) != null)} />
            </>
          );
        }}
      </Loaded>
      <MomentForm />
    </Panel>
  );
}

function drawnText({ next_cursor, data }: EntryPage): string {
  return next_cursor === null ? "all entries" : `the newest ${countOf(data.length, "entry")}`;
}

/** Each step selects the moment of one entry. */
export const timeOf = (entry: Entry): string | null =>
  entry.kind === "gap" ? entry.opened_at : entry.effective_at;

export function balanceOf(entry: Entry): string | null | undefined {
  if (entry.kind === "gap" || entry.kind === "contradiction") return undefined;
  return entry.balance;
}

function Slider({ stops }: Readonly<{ stops: readonly Entry[] }>) {
  const at = query.value.get("as_of");
  const last = stops.length - 1;
  const given = at === null ? last : stopAt(stops, at);
  const [moved, setMoved] = useState<number | null>(null);
  const shown = stops[moved ?? given];
  if (shown === undefined || last < 1) return null;
  const choose = (index: number) => {
    setMoved(null);
    go(withQuery({ as_of: index === last ? null : timeOf(stops[index] as Entry) }), "replace");
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
        value={moved ?? given}
        aria-valuetext={`${balanceOf(shown)} at ${timeOf(shown)}`}
        onInput={({ currentTarget }) => setMoved(Number(currentTarget.value))}
        onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
      />
      <output for="slider">
        <Amount value={balanceOf(shown)} /> <Time at={timeOf(shown)} />
      </output>
    </div>
  );
}

/** The last stop that is not after a time; the first one if all are. */
function stopAt(stops: readonly Entry[], at: string): number {
  const latest = nanosOf(at);
  const isReached = (stop: Entry) => {
    const time = nanosOf(timeOf(stop) ?? "");
    return time !== null && latest !== null && time <= latest;
  };
  return Math.max(0, stops.findLastIndex(isReached));
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
  }, [entries, at, chosenTheme, chosenZone]);
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
    scales: { x: { range: (_, min, max) => widened(min, max) } },
    cursor: { y: false, points: { size: 7 } },
    tzDate: (seconds) =>
      zone.value === "utc"
        ? uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC")
        : new Date(seconds * 1000),
    axes: [
      { ...axis, values: TICKS },
      { ...axis, size: (_, values) => 16 + 7 * longest(values) },
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

/** Adds a margin, so that the first and the last step are not at the edge. */
function widened(min: number, max: number): [number, number] {
  const margin = 0.02 * (max - min) || 60;
  return [min - margin, max + margin];
}

const longest = (values: readonly string[] | null): number =>
  Math.max(1, ...(values ?? []).map((value) => value?.length ?? 0));

const textOf = (entry: Entry): string =>
  entry.kind === "gap" ? `gap ${entry.missing_amount}` : "";

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
    <form class="filters moment" onSubmit={submit} key={query.value.toString()}>
      <Field name="as_of" title="As of (UTC)" />
      <Field name="known_at" title="Known at (UTC)" />
      <button type="submit">Show</button>
      {isPast(momentGiven()) && (
        <a href={withQuery({ as_of: null, known_at: null })}>Back to now</a>
      )}
    </form>
  );
}

function Field({ name, title }: Readonly<{ name: string; title: string }>) {
  return (
    <div class="filter">
      <label for={`moment-${name}`}>{title}</label>
      <input
        id={`moment-${name}`}
        name={name}
        defaultValue={query.value.get(name) ?? ""}
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
