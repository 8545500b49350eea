import type { components } from "@counterfoil/client";
import { useState } from "preact/hooks";
import { Amount } from "../components/amount.tsx";
import { Panel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Time } from "../components/time.tsx";
import { momentGiven } from "../moment.ts";
import { ofRecord, useResource } from "../resource.ts";
import { go, query, withQuery } from "../router.ts";
import { balanceOf, type Entry, type EntryPage, timeOf } from "./account-entries.tsx";
import { MomentForm } from "./account-moment.tsx";
import { Plot } from "./account-plot.tsx";

type Balance = components["schemas"]["Balance"];

/** As many entries as are drawn, whatever the account has. */
const DRAWN = 400;

/** The balance over time, and a slider that goes to what it was after any of the entries drawn. */
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
  return next_cursor === null ? "all of it" : `the newest ${data.length} entries`;
}

/** One step is one entry: it goes to the moment of that entry. */
function Slider({ stops }: Readonly<{ stops: readonly Entry[] }>) {
  const at = query.value.get("as_of");
  const last = stops.length - 1;
  const given =
    at === null
      ? last
      : Math.max(
          0,
          stops.findLastIndex((stop) => (timeOf(stop) ?? "") <= at),
        );
  const [moved, setMoved] = useState<number | null>(null);
  const shown = stops[moved ?? given];
  if (shown === undefined || last < 1) return null;
  const leave = (index: number) => {
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
        onChange={({ currentTarget }) => leave(Number(currentTarget.value))}
      />
      <output for="slider">
        <Amount value={balanceOf(shown)} /> <Time at={timeOf(shown)} />
      </output>
    </div>
  );
}
