import type { RecordedEvent } from "@counterfoil/contracts/recorded-event";
import type { Hashing } from "@counterfoil/core/hashing";
import { AMENDMENTS, factIdOf } from "@counterfoil/core/ingest/fact-state";
import { eventsWithout } from "@counterfoil/core/ingest/without";
import { balancesProjection } from "../../models/balances/projection.ts";
import { BALANCE_CHANGES } from "../../models/balances/tables.ts";
import type { EventStream } from "../../ports/event-stream.ts";
import { type Moment, openScratch } from "../../projection/scratch.ts";
import { accountFacts } from "./account-facts.ts";

/** Too much was said of the account since. */
export class TooFarBack extends Error {
  override readonly name = "TooFarBack";
}

/** Events of the stream that are looked through for those of one account. */
const LOOKED_THROUGH_MAX = 5_000;
/** Changes of one account that are taken back. */
const TAKEN_BACK_MAX = 1_000;
/** Facts at the end of the history, of which some may have changed nothing that is shown. */
const LAST_FACTS = 500;

type Unwinding = Readonly<{ stream: EventStream; hashing: Hashing; position: number }>;

/**
 * The rows of an account as the facts up to a position had made them: what was recorded since is
 * taken back by the model's own rules, in memory. It costs what was recorded of the account since.
 *
 * @throws TooFarBack
 */
export async function unwound(
  moment: Moment,
  account: string,
  { stream, hashing, position }: Unwinding,
): Promise<Moment> {
  if (position >= moment.checkpoint.position) return moment;
  const ids = await factsSince(moment, account, { stream, hashing, position });
  if (ids.size === 0) return moment;
  const { known } = await stream.findByIds([...ids]);
  const isGone = (event: RecordedEvent) => event.position > position;
  const scratch = await openScratch(moment, balancesProjection, hashing);
  for (const fact of known.values()) {
    await scratch.fold(eventsWithout(fact, isGone, hashing));
  }
  return { rows: scratch, checkpoint: scratch.checkpoint };
}

/** Facts of which something was recorded behind a position. */
async function factsSince(
  { rows, checkpoint }: Moment,
  account: string,
  { stream, hashing, position }: Unwinding,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const note = (event: RecordedEvent) => {
    const isMeant = event.subject === account && event.position > position;
    if (isMeant) ids.add(factIdOf(event));
  };
  if (checkpoint.position - position <= LOOKED_THROUGH_MAX) {
    for (let after = position; after < checkpoint.position; ) {
      const limit = checkpoint.position - after;
      const events = await stream.read({ after, limit, types: TYPES });
      for (const event of events) if (event.position <= checkpoint.position) note(event);
      after = events.at(-1)?.position ?? checkpoint.position;
    }
    return ids;
  }
  const changes = await rows.select(BALANCE_CHANGES, {
    where: [
      { column: "account", is: "=", value: account },
      { column: "position", is: ">", value: position },
    ],
    orderBy: ["account", "position"],
    limit: TAKEN_BACK_MAX + 1,
  });
  if (changes.length > TAKEN_BACK_MAX) {
    throw new TooFarBack(
      `more than ${TAKEN_BACK_MAX} events have changed ${account} since position ${position}: counterfoil replay --to ${position} --account shows it as of then`,
    );
  }
  for (const { position: at } of changes) {
    const [event] = await stream.read({ after: Number(at) - 1, limit: 1 });
    if (event !== undefined) note(event);
  }
  let looked = 0;
  for await (const { id } of accountFacts(rows, account, null, { hashing, last: null })) {
    ids.add(id);
    looked += 1;
    if (looked >= LAST_FACTS) break;
  }
  return ids;
}

const TYPES = ["MovementRecorded", "BalanceReported", "FundsReported", ...AMENDMENTS];
