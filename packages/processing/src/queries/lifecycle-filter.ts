import type { Nanos } from "@counterfoil/core/exact/time";
import type { Clock } from "../ports/clock.ts";
import type { Row } from "../ports/table.ts";
import type { Moment } from "./moment.ts";
import type { PageRequest } from "./page.ts";
import type { Platform } from "./platform.ts";
import type { LifecycleModel, StuckRule } from "./stuck.ts";

/** Exact matches with any of some values. */
export type LifecycleFilters = Readonly<{
  stage?: readonly string[];
  provider?: readonly string[];
  asset?: readonly string[];
  /** The owner, or who is paid. */
  participant_code?: readonly string[];
  account_group?: readonly string[];
  /** Any text that finds a record: present and former ids, hashes, references. */
  identifier?: readonly string[];
  /** When it last changed: at this time or later. */
  updated_since?: Nanos;
  /** Before this time. */
  updated_until?: Nanos;
  stuck?: boolean;
}>;

export type LifecycleQuery<Model extends LifecycleModel> = Readonly<{
  model: Model;
  filters: LifecycleFilters;
  page: PageRequest;
  /** Of a past moment: as that moment's clock has it. */
  rule: StuckRule;
  moment?: Moment;
  platform: Platform;
  nextTurn: Clock["nextTurn"];
}>;

type Wanted = Pick<LifecycleFilters, "asset" | "participant_code">;

/** Whether one of the trade's parties, or the trade itself, has what is asked for. */
export function isTradeAbout(row: Row, { asset, participant_code }: Wanted): boolean {
  if (asset === undefined && participant_code === undefined) return true;
  const { fields } = JSON.parse(String(row.state)) as Readonly<{ fields: TradeFields }>;
  const parties = Array.isArray(fields.parties) ? fields.parties : [];
  const assets = [...parties.map((party) => party?.asset), fields.underlying];
  const codes = parties.map((party) => party?.participant_code);
  const holdsAny = (found: readonly unknown[], wanted: readonly string[] | undefined) =>
    wanted === undefined || wanted.some((each) => found.includes(each));
  return holdsAny(assets, asset) && holdsAny(codes, participant_code);
}

/** Whatever the provider printed. */
type TradeFields = Readonly<Record<string, unknown>>;
