import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme, zone } from "../preferences.ts";
import { balanceOf, type Entry, timeOf } from "./account-entries.tsx";

type PlotProps = Readonly<{
  /** In order of time. */
  entries: readonly Entry[];
  asset: string;
  /** A time that is marked. */
  at: string | null;
}>;

const HEIGHT = 220;

/** The balance as steps; where something is missing the line breaks, and says how much. */
export function Plot({ entries, asset, at }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const { value: chosenTheme } = theme;
  const { value: chosenZone } = zone;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const plot = new uPlot(optionsFor({ element, entries, at }), pointsOf(entries), element);
    const watch = new ResizeObserver(() =>
      plot.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    watch.observe(element);
    const system = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.redraw(false, true);
    system.addEventListener("change", redraw);
    return () => {
      watch.disconnect();
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

/** Of the width that is drawn, how much of a gap is left empty before what follows it. */
const BREAK = 0.012;

/**
 * A place on the screen is no amount: only here an amount becomes a number, to be drawn. Before what
 * follows a gap the line ends: once more the last balance, then none.
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
/** The first words of an axis, and what a tick says where a new day or minute begins. */
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

/** So that the first and the last step do not stand at the edge. */
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
  // Readable also where the line of balances passes behind it.
  ctx.setLineDash([]);
  ctx.lineWidth = 5 * devicePixelRatio;
  ctx.strokeStyle = colourOf(plot.root, "--panel");
  ctx.strokeText(text, x + aside, bbox.top + bbox.height - 8 * devicePixelRatio);
  ctx.fillText(text, x + aside, bbox.top + bbox.height - 8 * devicePixelRatio);
  ctx.restore();
}

/** What a colour of the style sheet is in the theme that is shown. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
