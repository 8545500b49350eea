import type { Row } from "../ports/table.ts";

type Wanted = Readonly<{ asset?: string; participant_code?: string }>;

/** Whether one of the trade's parties, or the trade itself, has what is asked for. */
export function isTradeAbout(row: Row, { asset, participant_code }: Wanted): boolean {
  if (asset === undefined && participant_code === undefined) return true;
  const { fields } = JSON.parse(String(row.state)) as Readonly<{ fields: TradeFields }>;
  const parties = Array.isArray(fields.parties) ? fields.parties : [];
  const assets = [...parties.map((party) => party?.asset), fields.underlying];
  const isParticipant = (party: TradeFields | null) => party?.participant_code === participant_code;
  return (
    (asset === undefined || assets.includes(asset)) &&
    (participant_code === undefined || parties.some(isParticipant))
  );
}

/** Whatever the provider printed. */
type TradeFields = Readonly<Record<string, unknown>>;
