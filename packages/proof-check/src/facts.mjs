// Step 6: the facts of the account. docs/domain-rules.md gives the reasons.
import {
  agreedTime,
  exactJson,
  fields,
  isGiven,
  isSameAmount,
  joinedBytes,
  least,
  most,
  need,
  needShape,
  readWith,
  time,
  utf8,
} from "./exact.mjs";

const FACTS = new Set(["MovementRecorded", "BalanceReported", "FundsReported"]);

/** What is read here of the data of each type. Numbers are text (`exactJson`). */
const CONTENT = {
  ...fields("balance?:amount change?:amount delivered_at?:count movement_id?:text *:any"),
  ...fields("not_before?:time occurred_at?:time run_id?:text"),
  "place?": fields("connection:text frame:text *:any"),
};
const FACT = { ...CONTENT, received_at: "time" };
const AMENDS = fields("amends?:text event_id:text *:any");
const EVIDENCE = fields("header:text key_id?:text scheme?:text value:text *:any");
const DATA = {
  MovementRecorded: { ...FACT, ...fields("change:amount movement_id:text run_id:text") },
  BalanceReported: FACT,
  FundsReported: { ...FACT, ...fields("balance:amount occurred_at:time") },
  FactSeen: { ...AMENDS, adds: CONTENT, received_at: "time" },
  FactCorrected: { ...AMENDS, data: FACT },
  FactWithdrawn: AMENDS,
  DeliveryReceived: {
    sha256: "digest",
    verdict: { "evidence?": [EVIDENCE], "*": "any" },
    "*": "any",
  },
  FeedOpened: fields("connection:text *:any"),
};

export function dataOf({ data, place, type }) {
  const where = `form: data at position ${place}`;
  const value = readWith(() => exactJson(data), `${where}: expected JSON`);
  needShape(value, Object.hasOwn(DATA, type) ? DATA[type] : { "*": "any" }, where);
  return value;
}

/**
 * The account's facts in the order of the stream. A fact is one statement of the provider; later events
 * add the contents of other copies, correct it or withdraw it.
 */
export function factsOf(events, account) {
  const facts = new Map();
  for (const event of events) {
    if (event.subject !== account) continue;
    const { place, schema_version, type } = event;
    const isKnown = schema_version === "1";
    need(isKnown, `form: position ${place} has a schema that this checker does not know`);
    const data = dataOf(event);
    if (FACTS.has(type)) facts.set(event.id, newFact(event, data));
    else amend(facts, event, data);
  }
  return [...facts.values()].map(understood);
}

const newFact = ({ type, place, causation_id }, data) => ({
  type,
  place,
  /** The data in force; `first` is the data as first recorded. */
  data,
  first: data,
  /** The delivery that stated the data in force. */
  cause: causation_id,
  /** What other copies add, by the id of the event that records it. */
  seen: new Map(),
  isWithdrawn: false,
  /** What it stated before an event withdrew or corrected it: `data`, `how`, and that event's `place`. */
  former: [],
});

/** Applies an event about a fact. FactContradicted does not change the data in force. */
function amend(facts, { id, type, causation_id, place }, data) {
  const isWithdrawal = type === "FactWithdrawn";
  const fact = facts.get(isWithdrawal ? (data.amends ?? data.event_id) : data.event_id);
  if (fact === undefined) return;
  if (type === "FactSeen") fact.seen.set(id, { ...data.adds, received_at: data.received_at });
  if (type === "FactCorrected") {
    fact.former.push({ fact, data: fact.data, how: "corrected", place });
    Object.assign(fact, { data: data.data, cause: causation_id, isWithdrawn: false });
  }
  if (!isWithdrawal) return;
  // It withdraws the fact itself, or an event about the fact.
  if (data.amends === undefined) {
    fact.former.push({ fact, data: fact.data, how: "withdrawn", place });
    fact.isWithdrawn = true;
  }
  fact.seen.delete(data.event_id);
}

const YEAR_1971 = 31_536_000_000_000_000n;
const MINUTE = 60_000_000_000n;

/** A fact with the combined contents of all its copies. */
function understood(fact) {
  const copies = [fact.data, ...fact.seen.values()];
  const timesOf = (name) =>
    copies.flatMap((copy) => (copy[name] === undefined ? [] : time(copy[name])));
  const arrived = least(copies.map(({ received_at }) => time(received_at)));
  // Impossible times are ignored.
  const possible = timesOf("occurred_at").filter(
    (one) => one >= YEAR_1971 && one <= arrived + MINUTE,
  );
  return {
    ...fact,
    /** The value in the first copy that states it. */
    value: (name) => copies.find((copy) => copy[name] !== undefined)?.[name],
    at: agreedTime(possible),
    arrived,
    notBefore: most(timesOf("not_before")),
    /** The position from which the stream contained it, even if it was translated later. */
    heldFrom: Math.min(fact.place, Number(fact.data.delivered_at ?? fact.place)),
  };
}

// Step 7: compares facts with the provider's own bytes, in both directions. docs/provider-facts.md describes
// what the providers send.

/**
 * Checks that each fact is in the bytes of its delivery, and that no statement of these about the account is
 * left out. Deliveries without bytes in the proof are skipped.
 *
 * @returns how many facts were found in bytes (`checked`), how many have no bytes here (`unseen`), and how many of
 *   these were withdrawn; what bytes state although it was withdrawn or corrected (`still`); the providers'
 *   signatures to check, and how many signatures are HMACs, which prove nothing to others
 */
export function checkBytes(proof, events, facts, sha256, decodeBase64) {
  const { account, bodies } = proof;
  const deliveries = deliveriesIn(events, account);
  const stating = Map.groupBy(facts, ({ cause }) => cause);
  const known = knownOf(facts);
  const former = formerOf(facts);
  const found = { checked: 0, unseen: 0, still: [], withdrawn: 0, operatorOnly: 0, providers: [] };
  const named = new Set();
  for (const delivery of deliveries.values()) {
    const data = dataOf(delivery);
    named.add(data.sha256);
    const own = stating.get(delivery.id) ?? [];
    const text = bodies[data.sha256] ?? null;
    if (text === null) {
      found.unseen += own.length;
      found.withdrawn += own.filter(({ isWithdrawn }) => isWithdrawn).length;
      continue;
    }
    const bytes = decodeBase64(text);
    need(
      sha256(bytes) === data.sha256,
      `bytes: those of the delivery at position ${delivery.place} are not the ones it names`,
    );
    const stated = statedIn(bytes, delivery, account);
    found.checked += checkFacts(own, stated);
    checkNothingLeftOut(stated, known, delivery);
    if (former.size > 0) addStillStated(found, stated, former, delivery);
    addEvidence(found, delivery, data.verdict.evidence ?? [], bytes);
  }
  for (const digest of Object.keys(bodies)) {
    need(named.has(digest), "bytes: there are some that no delivery names");
  }
  return found;
}

/** The deliveries among the events, by id. The delivery of each event of the account has to be present. */
function deliveriesIn(events, account) {
  const received = events.filter(({ type }) => type === "DeliveryReceived");
  const deliveries = new Map(received.map((event) => [event.id, event]));
  for (const { subject, type, place, causation_id } of events) {
    const isOwn = subject === account;
    const belongs = isOwn || type === "DeliveryReceived" || type === "FeedOpened";
    need(belongs, `form: position ${place} is nothing of this account`);
    const isHere = !isOwn || causation_id === null || deliveries.has(causation_id);
    need(isHere, `left out: the delivery that brought position ${place}`);
  }
  return deliveries;
}

/** The subjects of the facts as first recorded: movements by id, reports by run or time. */
function knownOf(facts) {
  const reportOf = ({ type, first }) =>
    String(type === "FundsReported" ? time(first.occurred_at) : first.run_id);
  return {
    movements: new Set(facts.map(({ first }) => first.movement_id)),
    reports: new Set(facts.filter(({ type }) => type !== "MovementRecorded").map(reportOf)),
  };
}

/** @returns how many facts were compared; withdrawn facts are skipped, because bytes no longer support them */
function checkFacts(facts, stated) {
  const counted = facts.filter(({ isWithdrawn }) => !isWithdrawn);
  for (const { type, place, data } of counted) {
    const all = type === "MovementRecorded" ? stated.movements : stated.reports;
    const isStated = all.some((one) => isSame(one, type, data));
    need(isStated, `bytes: the fact at position ${place} is not what the provider's bytes say`);
  }
  return counted.length;
}

const isSame = (one, type, data) =>
  type === "MovementRecorded" ? isMovement(one, data) : isReport(one, type, data);

const isMovement = (one, fact) =>
  one.id === fact.movement_id &&
  one.run === fact.run_id &&
  isSameAmount(one.change, fact.change) &&
  isSameTime(one.at, fact.occurred_at);

function isReport(one, type, fact) {
  const isFunds = type === "FundsReported";
  const isMeant = isFunds ? time(one.key) === time(fact.occurred_at) : one.key === fact.run_id;
  return (
    isMeant &&
    isSameAmount(one.balance, fact.balance) &&
    isSameTime(one.at, fact.occurred_at) &&
    (!isFunds || isSameAmount(one.change, fact.change))
  );
}

const isSameTime = (stated, known) =>
  !isGiven(stated) || known === undefined || time(stated) === time(known);

function checkNothingLeftOut({ movements, reports, isTimed }, known, { place }) {
  for (const { id } of movements) {
    need(
      known.movements.has(id),
      `left out: movement ${id}, which the bytes of position ${place} state`,
    );
  }
  for (const { key, balance } of reports) {
    const isKnown = !isGiven(balance) || known.reports.has(String(isTimed ? time(key) : key));
    need(isKnown, `left out: the balance that the bytes of position ${place} state`);
  }
}

/** What events withdrew or corrected, by the subject in bytes. */
const formerOf = (facts) =>
  Map.groupBy(
    facts.flatMap(({ former }) => former),
    ({ fact: { type }, data }) => {
      if (type === "MovementRecorded") return `movement ${data.movement_id}`;
      return `report ${type === "FundsReported" ? time(data.occurred_at) : data.run_id}`;
    },
  );

/** What a fact decides: amounts, and its place. */
const DECISIVE = ["balance", "change", "not_before", "occurred_at", "run_id"];

const isOther = (data, present) => DECISIVE.some((name) => data[name] !== present[name]);

/** Adds in words what bytes state although it was withdrawn, or corrected to something else. */
function addStillStated(found, { movements, reports, isTimed }, former, delivery) {
  const subjects = [
    ...movements.map((one) => [`movement ${one.id}`, one]),
    ...reports.map((one) => [`report ${isTimed ? time(one.key) : one.key}`, one]),
  ];
  for (const [subject, one] of subjects) {
    for (const was of former.get(subject) ?? []) {
      const { fact, data, how, place } = was;
      const isGone = how === "withdrawn" ? fact.isWithdrawn : isOther(data, fact.data);
      if (was.isTold || !isGone || !isSame(one, fact.type, data)) continue;
      was.isTold = true;
      const what = wordsOf(fact.type, data);
      found.still.push(
        `the bytes of position ${delivery.place} still state ${what}: it was ${how} at position ${place}`,
      );
    }
  }
}

function wordsOf(type, { run_id, movement_id, change, occurred_at, balance }) {
  if (type === "MovementRecorded") return `run ${run_id}, movement ${movement_id}, ${change}`;
  const run = type === "FundsReported" ? `the funds of ${occurred_at}` : `run ${run_id}`;
  return `${run}, ${isGiven(balance) ? `balance ${balance}` : "no balance"}`;
}

function addEvidence(found, { place }, evidence, bytes) {
  const sent = evidence.find(({ header }) => header === "x-zh-hook-timestamp")?.value ?? "";
  // A delivery may carry several of them.
  if (evidence.some(({ scheme }) => scheme === "hmac")) found.operatorOnly += 1;
  for (const { scheme, key_id, header, value } of evidence) {
    if (scheme !== undefined && scheme !== "hmac") {
      // This RSA signature covers the webhook's bytes followed by its timestamp header.
      const isTimed = header === "x-zh-hook-rsa-signature";
      const signed = isTimed ? joinedBytes(bytes, utf8(sent)) : bytes;
      found.providers.push({ place, scheme, key_id, value, signed });
    }
  }
}

/** What bytes state about the account: movements by id, and reports of a balance by run, or by time (`isTimed`). */
function statedIn(bytes, { place }, account) {
  const stated = account.startsWith("layer1:") ? statedByLayer1 : statedByZeroHash;
  return readWith(
    () => stated(exactJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), account),
    `form: bytes of position ${place}: expected a provider's message about an account`,
  );
}

const NOTHING = { movements: [], reports: [], isTimed: false };

function statedByLayer1({ timestamp, data }, account) {
  const types = data.funds.map(({ type }) => type);
  needShape([data.address, data.asset, ...types], ["text"], "");
  const isHex = /^0x[0-9a-f]+$/i.test(data.address);
  const address = isHex ? data.address.toLowerCase() : data.address;
  const own = data.funds.filter(
    ({ type }) =>
      account === `layer1:${part(address)}:${part(data.asset)}:${part(type.toLowerCase())}`,
  );
  const reports = own.map(({ balance, delta }) => ({
    ...{ key: timestamp, at: timestamp, balance, change: delta },
  }));
  return { movements: [], reports, isTimed: true };
}

function statedByZeroHash(message, account) {
  const isFrame = message.messageType ?? message.message_type;
  const said = isFrame ? message.body : message;
  needShape(said, { "*": "any" }, "");
  const names = [
    said.participant_code || said.account_owner,
    ...[said.account_group, said.account_label],
    said.account_type || said.account_subtype,
    said.asset,
  ];
  if (`zerohash:${names.map(part).join(":")}` !== account) return NOTHING;
  const run = said.run_id;
  const movements = (said.movements ?? []).map(
    ({ movement_id: id, change, movement_timestamp }) => ({
      ...{ run, id, change, at: movement_timestamp },
    }),
  );
  needShape([run, ...movements.map(({ id }) => id)], ["text"], "");
  const report = {
    key: run,
    at: said.run_timestamp || said.timestamp,
    balance: said.balance || said.new_balance,
  };
  return { movements, reports: [report], isTimed: false };
}

/** One part of an account's id; other bytes than plain characters are percent-encoded. */
const part = (text) =>
  [...utf8(String(text))]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (/[A-Za-z0-9._-]/.test(character)) return character;
      return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
