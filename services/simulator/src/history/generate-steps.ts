import { nsOfMs } from "../time.ts";
import { type Agenda, createAgenda } from "./agenda.ts";
import { type FlowStart, flowStarts } from "./flow-starts.ts";
import type { FinalBalances, HistoryStep } from "./history.ts";
import { layer1BalanceOf } from "./layer1-accounts.ts";
import { balanceOf } from "./timeline.ts";
import { accountsOf } from "./wallets.ts";
import type { FlowStep, World } from "./world.ts";

/** The steps of a world in their true order. */
export function* stepsOf(world: World): Generator<HistoryStep, void, void> {
  const agenda: Agenda<Resume> = createAgenda();
  const starts = flowStarts(world);
  let start = starts.next();
  let index = 0;
  for (;;) {
    const dueNs = agenda.nextNs();
    if (!start.done && (dueNs === null || start.value.atNs <= dueNs)) {
      agenda.add(start.value.atNs, resumeOf(world, start.value));
      start = starts.next();
      continue;
    }
    const due = agenda.take();
    if (due === null) return;
    const step = due.item(due.atNs);
    if (step === null) continue;
    // A step without messages is none: nobody could see it.
    if (step.messages.length > 0) {
      yield stepOf(step, { index, atNs: due.atNs });
      index += 1;
    }
    agenda.add(due.atNs + nsOfMs(step.thenMs), due.item);
  }
}

export function finalBalances(world: World): FinalBalances {
  return {
    balances: accountsOf(world.wallets).map((account) => balanceOf(account.fields, account)),
    layer1Balances: world.layer1Accounts.map(layer1BalanceOf),
  };
}

/** Lets a flow go on; null when it has ended. */
type Resume = (nowNs: bigint) => FlowStep | null;

function resumeOf(world: World, start: FlowStart): Resume {
  let flow: ReturnType<FlowStart["begin"]> | null = null;
  return (nowNs) => {
    if (flow === null) {
      if (!start.isBurst) world.focus = null;
      flow = start.begin(world, nowNs);
    }
    const { done, value } = flow.next(nowNs);
    return done ? null : value;
  };
}

function stepOf(step: FlowStep, { index, atNs }: Readonly<{ index: number; atNs: bigint }>) {
  const { messages, run } = step;
  return run === undefined ? { index, atNs, messages } : { index, atNs, run, messages };
}
