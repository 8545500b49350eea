import { MOVEMENT_REFERENCES, type ProviderFact } from "@counterfoil/contracts/fact";
import { formatTime, timeOf } from "@counterfoil/core/exact/time";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import type { Reading, Translate, Translations } from "@counterfoil/core/translate/translation";

type Spoil = (fact: ProviderFact) => ProviderFact;

/** A translation with a fault, as it was in use before anybody noticed. */
export function faulty(spoil: Spoil): Translations {
  return { present: 1, versions: { 1: translating(1, spoil) } };
}

/** The same, and the mended one that is in use now. */
export function mended(spoil: Spoil): Translations {
  return { present: 2, versions: { 1: translating(1, spoil), 2: translating(2, (fact) => fact) } };
}

/** A second fault took the first one's place, before a third translation mended both. */
export function faultyAgain(first: Spoil, second: Spoil): Translations {
  return { present: 2, versions: { 1: translating(1, first), 2: translating(2, second) } };
}

export function mendedTwice(first: Spoil, second: Spoil): Translations {
  const { versions } = faultyAgain(first, second);
  return { present: 3, versions: { ...versions, 3: translating(3, (fact) => fact) } };
}

function translating(translation: number, change: Spoil): Translate {
  const read = TRANSLATIONS.versions[TRANSLATIONS.present] as Translate;
  return (source, hashing): Reading => {
    const reading = read(source, hashing);
    if (!reading.ok) return reading;
    const facts = reading.facts.map((fact) => change(withData(fact, { translation })));
    return { ...reading, facts };
  };
}

const withData = (fact: ProviderFact, data: object): ProviderFact =>
  ({ ...fact, data: { ...fact.data, ...data } }) as ProviderFact;

/** Times in seconds taken for milliseconds: every time lands in January 1970. */
export const secondsAsMilliseconds: Spoil = (fact) => {
  const { occurred_at } = fact.data;
  if (occurred_at === undefined) return fact;
  return withData(fact, { occurred_at: formatTime(timeOf(occurred_at) / 1000n) });
};

/** Part of an identity: movements, and with them facts, fall together. */
export const movementIdsCut: Spoil = (fact) =>
  fact.type === "MovementRecorded"
    ? withData(fact, { movement_id: fact.data.movement_id.slice(0, 2) })
    : fact;

export const signsTurned: Spoil = (fact) => {
  const { balance } = fact.data as { balance?: string };
  if (balance === undefined || balance === "0") return fact;
  return withData(fact, { balance: balance.startsWith("-") ? balance.slice(1) : `-${balance}` });
};

const referencesDropped: Spoil = (fact) => {
  if (fact.type !== "MovementRecorded") return fact;
  const data = Object.fromEntries(
    Object.entries(fact.data).filter(([name]) => !MOVEMENT_REFERENCES.includes(name as never)),
  );
  return { ...fact, data } as ProviderFact;
};

export const runIdsCut: Spoil = (fact) => {
  const { run_id } = fact.data as { run_id?: string };
  return run_id === undefined ? fact : withData(fact, { run_id: run_id.slice(0, -1) });
};

/** One account's facts are filed under another. */
export const labelsDropped: Spoil = (fact) => {
  const { account } = fact.data as { account?: string };
  return account === undefined
    ? fact
    : withData(fact, { account: account.replace(/:(general|Treasury):/, ":default:") });
};

/** The same, where the other account is a real one with facts of its own. */
const labelsMixed: Spoil = (fact) => {
  const { account } = fact.data as { account?: string };
  return account === undefined
    ? fact
    : withData(fact, { account: account.replace(/^(zerohash:[^:]+:[^:]+):[^:]+/, "$1:general") });
};

/** As a payload type is read before anybody knows what it says of money. */
const paymentsOnlyNoted: Spoil = (fact) => {
  if (fact.type !== "PaymentStatusReported") return fact;
  const { provider, content, status, received_at, translation } = fact.data;
  const noted = { provider, content, status, received_at, translation };
  return { type: "NotificationRecorded", data: { ...noted, payload_type: "payment" } };
};

export const FAULTS: Readonly<Record<string, Spoil>> = {
  "seconds read as milliseconds": secondsAsMilliseconds,
  "movement ids cut": movementIdsCut,
  "balances with the wrong sign": signsTurned,
  "references dropped": referencesDropped,
  "run ids cut": runIdsCut,
  "accounts under a label of nobody": labelsDropped,
  "accounts under another's label": labelsMixed,
  "payments as mere notifications": paymentsOnlyNoted,
};
