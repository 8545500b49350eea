// Step 6: the facts of the account. docs/domain-rules.md gives the reasons.
import {
  agreedTime,
  amount,
  exactJson,
  fields,
  isAmount,
  isGiven,
  isSameAmount,
  joinedBytes,
  least,
  most,
  need,
  needShape,
  plus,
  printed,
  readWith,
  time,
  utf8,
} from "./exact.mjs";

const FACTS = new Set(["MovementRecorded", "BalanceReported", "FundsReported"]);
const AMENDMENTS = new Set(["FactSeen", "FactContradicted", "FactCorrected", "FactWithdrawn"]);

/** The order that a socket showed. */
const ORDER = new Set(["follows", "not_before"]);

/** What is read here of the data of each type. Numbers are text (`exactJson`). */
const CONTENT = {
  ...fields("balance?:amount change?:amount delivered_at?:count movement_id?:text *:any"),
  ...fields("not_before?:time occurred_at?:time run_id?:text"),
  "place?": fields("connection:text frame:text *:any"),
};
const FACT = { ...CONTENT, received_at: "time" };
const AMENDS = {
  ...fields("amends?:text event_id:text event_type:text *:any"),
  key: { "*": "text" },
};
const EVIDENCE = fields("header:text key_id?:text scheme?:text value:text *:any");
const DATA = {
  MovementRecorded: { ...FACT, ...fields("change:amount movement_id:text run_id:text") },
  BalanceReported: FACT,
  FundsReported: { ...FACT, ...fields("balance:amount occurred_at:time") },
  FactSeen: { ...AMENDS, adds: CONTENT, received_at: "time" },
  FactContradicted: AMENDS,
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
    for (const stated of statedBy(type, data)) checkOwner(stated, event);
    if (FACTS.has(type)) facts.set(event.id, newFact(event, data));
    else if (AMENDMENTS.has(type)) amend(facts, event, data);
  }
  return [...facts.values()].map(understood);
}

/** The contents that an event puts in force as a whole. */
function statedBy(type, data) {
  if (FACTS.has(type)) return [data];
  return type === "FactCorrected" ? [data.data] : [];
}

/** Models take the account from a fact's data, and the map that proves completeness from its subject. */
function checkOwner({ account, provider }, { place, subject }) {
  const isOwn = account === subject && provider === subject.split(":")[0];
  need(isOwn, `facts: the one at position ${place} is of another account than its subject`);
}

const newFact = ({ type, place, causation_id }, data) => ({
  type,
  place,
  /** The data in force; `first` is the data as first recorded. */
  data,
  first: data,
  /** The delivery that stated the data in force. */
  cause: causation_id,
  /** What other copies add, with their delivery, by the id of the event that records it. */
  seen: new Map(),
  isWithdrawn: false,
  /** What it stated before an event withdrew or corrected it: `data`, `how`, and that event's `place`. */
  former: [],
});

/** Applies an event about a fact. FactContradicted does not change the data in force. */
function amend(facts, { id, type, causation_id, place }, data) {
  const isWithdrawal = type === "FactWithdrawn";
  const fact = facts.get(isWithdrawal ? (data.amends ?? data.event_id) : data.event_id);
  need(fact !== undefined, `left out: the fact that position ${place} amends`);
  const isMeant = data.event_type === fact.type && isKey(data.key, keyOf(fact));
  need(
    isMeant,
    `facts: position ${place} amends the one at position ${fact.place}, and names another`,
  );
  if (type === "FactSeen") {
    const { adds, received_at } = data;
    const isCopy = adds.place === undefined && adds.run_id === undefined;
    need(isCopy, `facts: position ${place} adds what makes the fact another`);
    // Old ledgers got the order of their sockets later, by events that no delivery brought.
    const isBrought = causation_id !== null || Object.keys(adds).every((name) => ORDER.has(name));
    need(isBrought, `left out: the delivery that brought position ${place}`);
    fact.seen.set(id, { content: { ...adds, received_at }, adds, cause: causation_id, place });
  }
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

/** By what models find a fact that is amended. */
function keyOf({ type, first: { account, movement_id, occurred_at, place, run_id } }) {
  if (type === "MovementRecorded") return { account, movement_id };
  if (type === "FundsReported") return { account, occurred_at };
  return run_id === undefined ? { account, ...place } : { account, run_id };
}

const isKey = (key, known) => Object.entries(known).every(([name, value]) => key[name] === value);

const YEAR_1971 = 31_536_000_000_000_000n;
const MINUTE = 60_000_000_000n;

/** A fact with the combined contents of all its copies. */
function understood(fact) {
  const copies = [fact.data, ...[...fact.seen.values()].map(({ content }) => content)];
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
  const copies = Map.groupBy(facts.flatMap(copiesOf), ({ cause }) => cause);
  const known = knownOf(facts);
  const former = formerOf(facts);
  const found = { checked: 0, unseen: 0, still: [], withdrawn: 0, operatorOnly: 0, providers: [] };
  const named = new Set();
  for (const delivery of deliveries.values()) {
    const data = dataOf(delivery);
    named.add(data.sha256);
    const own = stating.get(delivery.id) ?? [];
    const added = copies.get(delivery.id) ?? [];
    checkArrival(own, added, delivery, data);
    const text = bodies[data.sha256] ?? null;
    if (text === null) {
      found.unseen += own.length;
      found.withdrawn += own.filter(({ isWithdrawn }) => isWithdrawn).length;
      continue;
    }
    const bytes = decodeBase64(text);
    need(
      sha256(bytes) === data.sha256 && String(bytes.length) === data.length,
      `bytes: those of the delivery at position ${delivery.place} are not the ones it names`,
    );
    const stated = statedIn(bytes, delivery, account);
    found.checked += checkFacts(own, stated);
    checkAdded(added, stated);
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
    const isOrder = type === "FactSeen" && causation_id === null;
    const isHere = !isOwn || isOrder || deliveries.has(causation_id);
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

/** What copies of a fact add to it; nothing where it was withdrawn, because bytes no longer support it. */
const copiesOf = (fact) =>
  fact.isWithdrawn ? [] : [...fact.seen.values()].map((copy) => ({ ...copy, fact }));

/** Compares when and where facts arrived with their delivery. */
function checkArrival(facts, copies, { place }, delivery) {
  const arrived = time(delivery.received_at);
  for (const { data, isWithdrawn, place: at, type } of facts) {
    const isOfDelivery =
      data.provider === delivery.provider &&
      time(data.received_at) === arrived &&
      [undefined, String(place)].includes(data.delivered_at) &&
      isSamePlace(type, data.place, delivery);
    need(isWithdrawn || isOfDelivery, `${notOf(at)} the delivery at position ${place}`);
  }
  for (const { content, place: at } of copies) {
    need(time(content.received_at) === arrived, `${notOf(at)} the delivery at position ${place}`);
  }
}

const notOf = (place) => `facts: the one at position ${place} did not arrive as it says with`;

/** Only a report of the feed states its place. */
function isSamePlace(type, place, { connection, frame }) {
  if (type !== "BalanceReported") return place === undefined;
  return place?.connection === connection && place?.frame === frame;
}

/** @returns how many facts were compared; withdrawn facts are skipped, because bytes no longer support them */
function checkFacts(facts, stated) {
  const counted = facts.filter(({ isWithdrawn }) => !isWithdrawn);
  for (const { type, place, data } of counted) {
    const isStated = statementsOf(type, stated).some((one) => statesAll(one, data));
    need(isStated, `bytes: the fact at position ${place} is not what the provider's bytes say`);
  }
  return counted.length;
}

/** What a copy adds to a fact is stated of the same movement or report in the copy's bytes. */
function checkAdded(copies, stated) {
  for (const { adds, fact, place } of copies) {
    const { type, first } = fact;
    const names = STATED.filter((name) => adds[name] !== undefined);
    const isStated = statementsOf(type, stated).some(
      (one) =>
        isAbout(one, type, first) &&
        names.every((name) => isSameField(name, one.data[name], adds[name])),
    );
    need(isStated, `bytes: what position ${place} adds is not what the provider's bytes say`);
  }
}

const statementsOf = (type, { movements, reports }) =>
  type === "MovementRecorded" ? movements : reports;

const isAbout = (one, type, fact) =>
  type === "MovementRecorded" ? one.id === fact.movement_id : isAboutReport(one, type, fact);

const isAboutReport = ({ key }, type, fact) =>
  type === "FundsReported" ? time(key) === time(fact.occurred_at) : key === fact.run_id;

const REFERENCES = [
  ...["deposit_reference_id", "withdrawal_request_id", "trade_id", "transfer_request_id"],
  ...["transfer_type", "client_transfer_id", "parent_link_id", "order_id", "origin"],
];
const AMOUNTS = ["balance", "change", "expected_balance"];

/** The fields of facts that bytes state. All of them are compared, since one that is not stated has to be missing. */
const STATED = [
  ...["account_id", "movement_id", "movement_type", "reference", "run_id", "run_type"],
  ...["occurred_at", ...AMOUNTS, ...REFERENCES],
];

const statesAll = (one, data) =>
  STATED.every((name) => isSameField(name, one.data[name], data[name]));

function isSameField(name, stated, known) {
  if (AMOUNTS.includes(name)) return isSameAmount(stated, known);
  if (!isGiven(stated)) return known === undefined;
  if (name === "occurred_at") return known !== undefined && time(stated) === time(known);
  return typeof stated === "string" && stated === known;
}

const isSame = (one, type, data) =>
  type === "MovementRecorded" ? isMovement(one, data) : isReport(one, type, data);

const isMovement = (one, fact) =>
  one.id === fact.movement_id &&
  one.run === fact.run_id &&
  isSameAmount(one.change, fact.change) &&
  isSameTime(one.at, fact.occurred_at);

function isReport(one, type, fact) {
  return (
    isAboutReport(one, type, fact) &&
    isSameAmount(one.balance, fact.balance) &&
    isSameTime(one.at, fact.occurred_at) &&
    (type !== "FundsReported" || isSameAmount(one.change, fact.change))
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

/**
 * What bytes state about the account: movements by id, and reports of a balance by run, or by time (`isTimed`),
 * each with the `data` that its fact has.
 */
function statedIn(bytes, { place }, account) {
  const stated = account.startsWith("layer1:") ? statedByLayer1 : statedByZeroHash;
  return readWith(
    () => stated(exactJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), account),
    `form: bytes of position ${place}: expected a provider's message about an account`,
  );
}

const NOTHING = { movements: [], reports: [], isTimed: false };

const firstGiven = (...values) => values.find(isGiven);

function statedByLayer1({ timestamp, data }, account) {
  const { reference } = data;
  const types = data.funds.map(({ type }) => type);
  needShape([data.address, data.asset, ...types], ["text"], "");
  const isHex = /^0x[0-9a-f]+$/i.test(data.address);
  const address = isHex ? data.address.toLowerCase() : data.address;
  const own = data.funds.filter(
    ({ type }) =>
      account === `layer1:${part(address)}:${part(data.asset)}:${part(type.toLowerCase())}`,
  );
  const reports = own.map(({ balance, delta: change, type }) => {
    const expected_balance = expectedOf(type, data.funds);
    const stated = { reference, balance, change, expected_balance, occurred_at: timestamp };
    return { key: timestamp, at: timestamp, balance, change, data: stated };
  });
  return { movements: [], reports, isTimed: true };
}

/** The balance on the chain is what is available and what is reserved. */
function expectedOf(type, funds) {
  const balanceOf = (name) => funds.find((fund) => fund.type.toUpperCase() === name)?.balance;
  const parts = [balanceOf("AVAILABLE"), balanceOf("RESERVED")];
  if (type.toUpperCase() !== "BLOCKCHAIN" || !parts.every(isAmount)) return undefined;
  const [available, reserved] = parts.map(amount);
  return printed(plus(available, reserved));
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
  const { run_id: run, run_type } = said;
  const moved = said.movements ?? [];
  const movements = moved.map((one) => {
    const { movement_id: id, change, movement_timestamp: at } = one;
    return { run, id, change, at, data: movementData(one, said) };
  });
  needShape([run, ...movements.map(({ id }) => id)], ["text"], "");
  const at = said.run_timestamp || said.timestamp;
  const balance = said.balance || said.new_balance;
  const account_id = firstGiven(said.account_id, ...moved.map((one) => one.account_id));
  const data = { account_id, run_id: run, run_type, balance, occurred_at: at };
  return { movements, reports: [{ key: run, at, balance, data }], isTimed: false };
}

/** What a movement does not state itself, its message states. */
function movementData(one, { account_id, client_transfer_id, run_id, run_type }) {
  const { movement_id, movement_type, change, movement_timestamp: occurred_at } = one;
  return {
    ...Object.fromEntries(REFERENCES.map((name) => [name, one[name]])),
    client_transfer_id: firstGiven(one.client_transfer_id, client_transfer_id),
    account_id: firstGiven(one.account_id, account_id),
    ...{ movement_id, movement_type, change, occurred_at, run_id, run_type },
  };
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
