#!/usr/bin/env node
// Checks a balance proof, or an export, of a Counterfoil ledger. It needs only Node and this file:
//
//     node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...
//
// Exit codes: 0 if it is valid against a given key or head, 1 if something is wrong, 2 if the command line
// is wrong, 3 if it is consistent, but nothing given shows who signed it.
//
// Read it from the top: the steps of checking a proof come first, in order. It is generated from the
// files of src/, whose names are above their parts; nothing is omitted or shortened.
import { constants, createHash, createPublicKey, verify } from "node:crypto";
import { kStringMaxLength } from "node:buffer";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";

// ---- proof.mjs
// The steps of checking a balance proof, in order. Begin here: each step is a function below, or in the
// file that it names. docs/stream-format.md describes the fields byte by byte.

const FORMAT = "counterfoil/balance-proof/v1";

/**
 * Checks everything except signatures, and returns these: a page checks them with other functions than a script.
 *
 * @param sha256 bytes to lower-case hex
 * @param decodeBase64 text to bytes
 * @throws Wrong with the first reason
 */
function checkProof(text, sha256, decodeBase64) {
  const hash = hashesOf(sha256);
  // 1. The text has its canonical form, so that any altered byte is detected.
  const proof = readForm(text);
  // 2. The head is well formed. It describes the ledger by a root over all events and a root over all subjects.
  checkHead(proof.head, sha256);
  // 3. Every event here is at its position under the head's root: none was altered or invented.
  const events = readEvents(proof, sha256);
  checkInclusion(proof, events, hash);
  // 4. These are all events of the account: their number and digest are under the head's other root.
  checkComplete(proof, events, sha256, hash);
  // 5. The head extends earlier heads, so that a holder of one of those can rely on it.
  checkEarlierHeads(proof, hash);
  // 6. The account's facts, with the amendments of each. See facts.mjs.
  const facts = factsOf(events, proof.account);
  // 7. The facts equal what the provider's bytes state, and nothing in these is left out. See facts.mjs.
  const evidence = checkBytes(proof, events, facts, sha256, decodeBase64);
  // 8. Before + change = after, entry by entry, up to the balance. See arithmetic.mjs.
  checkArithmetic(proof, facts, events);
  // 9. Still to check: signatures over the head, over each rotation of its key, and over the whole proof.
  return { proof, ...evidence, signatures: signaturesOf(proof) };
}

// 1. Form

const HEAD = fields(
  `genesis:digest hash:digest key_id:digest ledger:text map_root:digest position:position
  public_key:digest root:digest signature:signature signed_at:text tree_size:position`,
);
const ROTATION = fields(
  "new_key:digest new_signature:signature old_key:digest old_signature:signature",
);
const EVENT = fields(
  `before:digest causation_id:text? correlation_id:text? data:text id:text occurred_at:nanos?
  position:position recorded_at:nanos schema_version:count subject:text type:text`,
);
const PROOF = {
  ...fields("account:text balance:text? format:text public_key:digest signature:signature"),
  bodies: { "*": "base64?" },
  consistency: [{ ...fields("root:digest tree_size:position"), proof: ["digest"] }],
  entries: [fields("after:text? before:text? change:text? id:text missing:text? opening:text?")],
  events: [EVENT],
  head: HEAD,
  map: { ...fields("digest:digest number:count position:position"), siblings: ["digest"] },
  rotations: [{ ...ROTATION, position: "position" }],
  rules: fields("model:text version:text"),
  snapshots: [fields("confirmed_by:text connection:text frame:text")],
  tree: ["digest"],
};

function readForm(text) {
  const proof = readWith(() => JSON.parse(text), "form: proof: expected JSON");
  needShape(proof, PROOF, "form: proof");
  need(canonical(proof) === text, "form: it is not in the RFC 8785 form: a byte was altered");
  need(proof.format === FORMAT, `form: proof.format: expected ${FORMAT}`);
  return proof;
}

// 2. The head

/** Checks the form of a head. Its signature is checked separately. */
function checkHead(head, sha256) {
  needShape(head, HEAD, "form: head");
  need(head.tree_size === head.position, "head: tree_size is not its position");
  const isKeyId = sha256(fromHex(head.public_key)) === head.key_id;
  need(isKeyId, "head: key_id is not that of its public_key");
}

// 3. Inclusion

/** The events with their positions as numbers, and their hashes, computed from their contents. */
const readEvents = ({ events }, sha256) =>
  events.map((event) => {
    const place = Number(event.position);
    return { ...event, place, hash: eventHash(event.before, event, sha256) };
  });

function checkInclusion({ head, tree }, events, hash) {
  const size = Number(head.tree_size);
  for (const [at, { place }] of events.entries()) {
    need(place > (events[at - 1]?.place ?? 0), "form: events are not in order");
  }
  need((events.at(-1)?.place ?? 0) <= size, "inclusion: an event lies beyond the head");
  const leaves = events.map(({ place, hash: one }) => [place - 1, hash.leaf(one)]);
  need(
    rootOver(leaves, size, tree, hash) === head.root,
    "inclusion: the events do not lie under the head's root: an event, its place or the path was altered",
  );
}

/** The root of the tree of RFC 6962 over `size` leaves, from some known leaves and the roots of all other subtrees. */
function rootOver(leaves, size, roots, { node }) {
  let [nextLeaf, nextRoot] = [0, 0];
  const rootOfRange = (start, end) => {
    const isKnown = nextLeaf < leaves.length && leaves[nextLeaf][0] < end;
    if (!isKnown) {
      nextRoot += 1;
      return roots[nextRoot - 1] ?? wrong("inclusion: the path is too short");
    }
    if (end - start === 1) {
      nextLeaf += 1;
      return leaves[nextLeaf - 1][1];
    }
    const middle = start + powerBelow(end - start);
    return node(rootOfRange(start, middle), rootOfRange(middle, end));
  };
  const root = rootOfRange(0, size);
  need(nextRoot === roots.length, "inclusion: the path is too long");
  return root;
}

/** The largest power of two below a count: the number of leaves in the left half. */
const powerBelow = (count) => 2 ** Math.ceil(Math.log2(count) - 1);

// 4. Completeness

/** The map has for each subject the number of its events, the last one's position, and a digest of all of them. */
function checkComplete({ account, head, map }, events, sha256, { entry, branch, chained }) {
  const own = events.filter(({ subject }) => subject === account);
  need(
    map.number === String(own.length),
    `left out: the map says that the account has ${counted(map.number, "event", "events")}, and ${counted(own.length, "is", "are")} here`,
  );
  const isLast = map.position === own.at(-1)?.position;
  need(isLast, "left out: the account's last event is not the map's");
  const digest = own.reduce((before, { hash }) => chained(before, hash), "0".repeat(64));
  need(map.digest === digest, "map: its digest is not that of the account's events");
  const key = sha256(utf8(account));
  const said = sha256(utf8(canonical([account, map.number, map.position, map.digest])));
  // From the leaf upwards: each bit of the key says on which side of its sibling the subtree is.
  const root = map.siblings.reduceRight(
    (below, sibling, depth) =>
      bitOf(key, depth) === 1 ? branch(sibling, below) : branch(below, sibling),
    entry(key, said),
  );
  const isUnderHead = map.siblings.length <= 256 && root === head.map_root;
  need(isUnderHead, "map: the account's entry does not lie under the head's map_root");
}

const bitOf = (hex, at) => (Number.parseInt(hex[at >> 2], 16) >> (3 - (at & 3))) & 1;

// 5. Earlier heads

function checkEarlierHeads({ consistency, head }, hash) {
  const present = { size: Number(head.tree_size), root: head.root };
  for (const { tree_size, root, proof } of consistency) {
    need(
      goesOn({ size: Number(tree_size), root }, present, proof, hash),
      `consistency: the head does not go on from the one over ${tree_size}`,
    );
  }
}

/** RFC 6962, 2.1.2: whether the later tree contains the earlier one unchanged, and only adds to it. */
function goesOn(earlier, later, proof, { node }) {
  const isBefore = Number.isInteger(earlier.size) && earlier.size > 0 && earlier.size < later.size;
  if (!isBefore) return false;
  // The path down to the end of the earlier tree: the side of each sibling.
  const sides = [];
  let [start, end] = [0, later.size];
  while (earlier.size !== end) {
    const middle = start + powerBelow(end - start);
    if (earlier.size <= middle) {
      sides.push("right");
      end = middle;
    } else {
      sides.push("left");
      start = middle;
    }
  }
  const rest = [...proof];
  // If the earlier tree is one complete subtree, its root is known; otherwise the proof begins with its last subtree's.
  const first = sides.includes("left") ? rest.shift() : earlier.root;
  if (first === undefined || rest.length !== sides.length) return false;
  let [old, now] = [first, first];
  for (const side of sides.toReversed()) {
    const sibling = rest.shift();
    if (side === "left") old = node(sibling, old);
    now = side === "left" ? node(sibling, now) : node(now, sibling);
  }
  return old === earlier.root && now === later.root;
}

// 9. Signatures, all Ed25519: the signed text, the key, and the error if the signature is invalid

const headSignature = (head) => ({
  why: "head: its signature does not hold",
  key: head.public_key,
  text: `counterfoil/head/v1\n${canonical(without(head, "signature"))}`,
  signature: head.signature,
});

/** The old and the new key sign that the one succeeds the other. */
function rotationSignatures(rotation, { genesis, ledger }) {
  const { old_key, new_key, old_signature, new_signature } = rotation;
  const why = "head: a rotation of its key is not signed by both keys";
  const text = `counterfoil/head-key/v1\n${canonical({ genesis, ledger, new_key, old_key })}`;
  return [
    { why, text, key: old_key, signature: old_signature },
    { why, text, key: new_key, signature: new_signature },
  ];
}

function signaturesOf(proof) {
  const rotations = proof.rotations.flatMap((one) => rotationSignatures(one, proof.head));
  const seal = {
    why: "seal: the proof's own signature does not hold: a byte was altered",
    key: proof.public_key,
    text: `${FORMAT}\n${canonical(without(proof, "signature"))}`,
    signature: proof.signature,
  };
  return [headSignature(proof.head), ...rotations, seal];
}

// 10. Whether the auditor can rely on the signer

/**
 * Compares a head with keys and heads that the auditor has from another source than the proof.
 *
 * @param proof undefined for an export
 * @param rotations of the ledger's key, as the checked file shows them
 * @param linksTo whether the checked file shows that its head extends a given one
 * @returns what remains unproven; empty if the head is trusted
 */
function trustOf({ head, proof, rotations }, keys, heads, linksTo) {
  const replaced = needKeysInTime([head, ...heads], rotations).get(proof?.public_key);
  need(
    replaced === undefined,
    `seal: the proof is signed by a key that was replaced at position ${replaced}: ask for one of the present key`,
  );
  const open = heads.flatMap((brought) => openAbout(brought, head, linksTo));
  if (keys.length + heads.length === 0) return ["you brought no key and no head"];
  const trusted = trustedKeys([...keys, ...heads.map(({ public_key }) => public_key)], rotations);
  need(
    trusted.has(head.public_key),
    `head: it is signed by key ${head.key_id}, which is none of those that you brought`,
  );
  need(
    proof === undefined || trusted.has(proof.public_key),
    "seal: the proof is signed by a key that is none of those that you brought",
  );
  return open;
}

/** Checks that no key signed at or after the position where it was replaced. @returns these positions, by key */
function needKeysInTime(heads, rotations) {
  const replaced = new Map();
  for (const { position, old_key, new_key } of rotations)
    replaced.set(old_key, Number(position)).delete(new_key);
  for (const { position, public_key } of heads) {
    const end = replaced.get(public_key);
    need(
      end === undefined || Number(position) < end,
      `head: the one over ${position} is signed by a key that was replaced at position ${end}: ask for one of the present key`,
    );
  }
  return replaced;
}

function openAbout(brought, head, linksTo) {
  const { ledger, genesis, position } = brought;
  const isOfLedger = ledger === head.ledger && genesis === head.genesis;
  need(isOfLedger, `head: the one over ${position} that you brought is of another ledger`);
  if (position !== head.position) {
    return linksTo(brought)
      ? []
      : [`nothing here shows that it goes on from your head over ${position}`];
  }
  const isSame = ["hash", "root", "map_root"].every((name) => brought[name] === head[name]);
  need(isSame, `head: two heads over position ${position} say different things`);
  return [];
}

/** The predecessor and the successor of a trusted key are trusted, because both keys sign a rotation. */
function trustedKeys(brought, rotations) {
  const trusted = new Set(brought);
  for (const { old_key, new_key } of [...rotations, ...rotations.toReversed()]) {
    if (trusted.has(old_key) || trusted.has(new_key)) trusted.add(old_key).add(new_key);
  }
  return trusted;
}

/** `linksTo` of a proof: it contains the roots of earlier heads, which step 5 has shown that it extends. */
const linksOf = (proof) => (brought) => {
  const link = proof.consistency.find(({ tree_size }) => tree_size === brought.tree_size);
  if (link === undefined) return false;
  const { position, root } = brought;
  return (
    link.root === root ||
    wrong(
      `head: the one over ${position} that you brought is not what came before: the ledger was altered`,
    )
  );
};

// ---- facts.mjs
// Step 6: the facts of the account. docs/domain-rules.md gives the reasons.

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

function dataOf({ data, place, type }) {
  const where = `form: data at position ${place}`;
  const value = readWith(() => exactJson(data), `${where}: expected JSON`);
  needShape(value, Object.hasOwn(DATA, type) ? DATA[type] : { "*": "any" }, where);
  return value;
}

/**
 * The account's facts in the order of the stream. A fact is one statement of the provider; later events
 * add the contents of other copies, correct it or withdraw it.
 */
function factsOf(events, account) {
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
function checkBytes(proof, events, facts, sha256, decodeBase64) {
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

// ---- arithmetic.mjs
// Step 8: the arithmetic of an account. Facts form entries (a run of the provider, or an unconfirmed
// snapshot). Entries have an order; each changes the balance before it to the balance after it.

/**
 * Checks that the stated entries are exactly those that the facts form, that before + change = after for each
 * of them with every gap, that the balance is the one after the last entry, that each snapshot is judged as the
 * rules say, and that the order does not contradict the provider's two clocks where these agree.
 */
function checkArithmetic(proof, facts, events) {
  const made = entriesOf(facts, openingsIn(events));
  const isEqual = equalityOf(proof.account);
  const placed = placeEntries(proof.entries, made, isEqual);
  checkSnapshots(proof.snapshots, { made, placed, isEqual });
  const isPlaced = new Set(placed.map(({ id }) => id));
  for (const { id, isRun } of made.values()) {
    need(!isRun || isPlaced.has(id), `left out: ${id} is not among the entries`);
  }
  const balance = printed(placed.at(-1)?.after ?? null);
  const isStated = proof.balance === balance;
  need(isStated, `arithmetic: the balance is ${balance}, and ${proof.balance} is stated`);
  checkOrder(placed.filter(({ isRun }) => isRun));
  checkPlaces(placed);
}

/** Layer1 computes with more digits than it prints: the last digit may differ by one. */
function equalityOf(account) {
  const tolerance = { units: account.startsWith("layer1:") ? 1n : 0n, scale: 18 };
  return (a, b) => {
    const [difference, allowed] = aligned(minus(a, b), tolerance);
    return magnitude(difference) <= allowed;
  };
}

// Entries

/** The position at which each feed's connection was opened. */
function openingsIn(events) {
  const openings = events.filter(({ type }) => type === "FeedOpened");
  return new Map(openings.map((event) => [dataOf(event).connection, event.place]));
}

/** The entries that the facts form, by id, without an order. */
function entriesOf(facts, openings) {
  const byEntry = Map.groupBy(facts, entryId);
  const entries = [...byEntry].map(([id, its]) => [id, entryOf(id, its, openings)]);
  return new Map(entries.filter(([, entry]) => entry !== null));
}

/** A run's facts form one entry; a snapshot's statement, which names no run, forms a separate one. */
function entryId(fact) {
  const run = runOf(fact);
  if (run !== undefined) return `run:${run}`;
  const { connection, frame } =
    fact.value("place") ?? wrong(`form: data at position ${fact.place}: expected run_id or place`);
  return `snapshot:${connection}:${frame}`;
}

function runOf({ type, data, value }) {
  if (type === "FundsReported") return value("occurred_at");
  return type === "MovementRecorded" ? data.run_id : value("run_id");
}

/** @returns null if all its facts were withdrawn */
function entryOf(id, facts, openings) {
  const counted = facts.filter(({ isWithdrawn }) => !isWithdrawn);
  const moves = counted.filter(({ type }) => type === "MovementRecorded");
  const report = counted.findLast(({ type }) => type !== "MovementRecorded") ?? null;
  if (moves.length === 0 && report === null) return null;
  const run = runOf(facts[0]);
  const isRun = run !== undefined;
  const balance = amountOf(report, "balance");
  const change = isRun && moves.length === 0 ? amountOf(report, "change") : sumOf(moves);
  const isEdge = isRun && balance !== null && change !== null;
  const arrived = least(facts.map((fact) => fact.arrived));
  return {
    ...{ id, isRun, balance, change },
    /** A run that states balance and change implies the balance before it. A snapshot has no change. */
    isEdge,
    before: balance !== null && (isEdge || !isRun) ? minus(balance, change) : null,
    /** The provider's two clocks: the printed time, and the counter of runs as sortable text. */
    ...timesOf(isRun ? moves : [], isRun ? report : null, arrived),
    counter: isRun ? counterOf(run) : "",
    arrived,
    heldFrom: Math.min(...facts.map(({ heldFrom }) => heldFrom)),
    /** Everything recorded before a snapshot's feed was opened is in the snapshot. */
    opened: isRun ? null : openingOf(facts[0], openings),
  };
}

function openingOf({ place, value }, openings) {
  const { connection } = value("place");
  return (
    openings.get(connection) ??
    wrong(`left out: the opening of feed ${connection}, whose snapshot stands at position ${place}`)
  );
}

function amountOf(report, name) {
  const text = report?.value(name);
  return isGiven(text) ? amount(text) : null;
}

const sumOf = (moves) => moves.map(({ value }) => amount(value("change"))).reduce(plus, ZERO);

/**
 * The time of the last movement, else of the report, else of the arrival (`own`); it took effect no sooner
 * than `not_before` (`at`).
 */
function timesOf(moves, report, arrived) {
  const stated = most(moves.flatMap(({ at }) => at ?? [])) ?? report?.at ?? null;
  const own = stated ?? arrived;
  const notBefore = report?.notBefore ?? null;
  const isMoved = notBefore !== null && notBefore > own;
  return { own, at: isMoved ? notBefore : own, isUndated: stated === null && !isMoved };
}

/** No fact is dated later. */
const YEAR_2201 = 7_289_654_400_000_000_000n;

function counterOf(run) {
  const moment = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(run) ? time(run) : null;
  if (moment !== null && moment >= 0n && moment < YEAR_2201)
    return String(moment).padStart(20, "0");
  const plain = /^[\x21-\x7e]*$/.test(run) ? run : encodeURIComponent(run);
  return String(run.length).padStart(4, "0") + plain;
}

// Before + change = after

/**
 * Recomputes the stated entries in the stated order.
 *
 * @returns the entries with the balance after each, and their places
 */
function placeEntries(stated, made, isEqual) {
  const placed = [];
  const seen = new Set();
  // `held` is the balance from runs alone; snapshots are compared with it.
  let [before, held] = [null, null];
  for (const [order, line] of stated.entries()) {
    const entry = made.get(line.id) ?? wrong(`arithmetic: ${line.id} follows from no fact`);
    need(!seen.has(entry), `arithmetic: ${line.id} stands there twice`);
    seen.add(entry);
    const after = afterwards(before, entry);
    checkLine(line, { before, after, entry, isFirst: order === 0, isEqual });
    if (entry.isRun) held = afterwards(held, entry);
    placed.push({ ...entry, order, after, held: entry.isRun ? held : after });
    before = after;
  }
  return placed;
}

/** The balance after an entry: the stated one, else the previous balance plus the change. */
function afterwards(before, { balance, change }) {
  if (balance !== null) return balance;
  return before !== null && change !== null ? plus(before, change) : before;
}

function checkLine(line, { before, after, entry, isFirst, isEqual }) {
  const hasGap = before !== null && entry.before !== null && !isEqual(before, entry.before);
  // Before the first run there is no gap: its balance before is the account's opening balance.
  const opens = isFirst && entry.isRun && entry.before !== null && entry.before.units !== 0n;
  const expected = {
    before: printed(before),
    change: printed(entry.change),
    after: printed(after),
    missing: hasGap ? printed(minus(entry.before, before)) : null,
    opening: opens ? printed(entry.before) : null,
  };
  for (const [name, value] of Object.entries(expected)) {
    const isStated = line[name] === value;
    need(isStated, `arithmetic: ${name} of ${line.id} is ${value}, and ${line[name]} is stated`);
  }
}

// Order

/** Printed times that differ by more than this many nanoseconds have a certain order. */
const APART = 20_000_000n;
/** Each entry is compared with this many others on a side. */
const NEIGHBOURS = 256;

/** A time in whole seconds may be any moment of its second. */
const isWhole = ({ at }) => at % SECOND === 0n;
const apartFrom = (run) => (isWhole(run) ? APART + SECOND : APART);

/** Checks that the order of runs does not contradict what the printed time and the counter of runs agree on. */
function checkOrder(runs) {
  const edges = runs.filter(({ isEdge }) => isEdge);
  /** The latest ones so far: of all, of those with a time, of edges. */
  let [last, dated, edge] = [null, null, null];
  let edgesBefore = 0;
  for (const [at, run] of runs.entries()) {
    if (!run.isUndated && dated !== null && dated.at - run.at > apartFrom(run)) {
      checkFarBefore(runs, at, dated);
    }
    if (run.isEdge) {
      if (edge !== null && edge.at > run.at) checkNear(edges, edgesBefore);
      edgesBefore += 1;
      edge = laterOf(edge, run);
    } else if (last !== null && laterOf(run, last) === last) early(last, run);
    if (!run.isUndated) dated = laterOf(dated, run);
    last = laterOf(last, run);
  }
}

function laterOf(a, b) {
  if (a === null) return b;
  return a.at > b.at || (a.at === b.at && a.counter > b.counter) ? a : b;
}

/**
 * A run stands behind the one dated latest so far, further than times err. Only an edge without a time beside
 * it may be the reason: it arrived after the one, and its number is lower than the other's.
 */
function checkFarBefore(runs, at, latest) {
  const run = runs[at];
  const start = Math.max(0, at - NEIGHBOURS);
  const near = runs.slice(start, at + NEIGHBOURS);
  const reasons = near.filter((one) => one.isUndated && one.isEdge && one.counter < run.counter);
  const reach = most([run.at + apartFrom(run), ...reasons.map((one) => one.at)]);
  for (const other of [latest, ...near.slice(0, at - start)]) {
    if (!other.isUndated && other.at > reach) early(other, run);
  }
}

/** Checks an edge that stands behind one that is later by time: then its number is greater, or the times are vague. */
function checkNear(edges, at) {
  const run = edges[at];
  const start = Math.max(0, at - NEIGHBOURS);
  for (const other of edges.slice(start, at)) {
    if (other.at <= run.at || other.counter <= run.counter) continue;
    const isVague = run.isUndated || isWhole(run);
    const near = isVague ? edges.slice(start, at + NEIGHBOURS) : [];
    // Its number may contradict its time beside a third one, and then the rules choose.
    const isChosen = near.some((one) => one.at > other.at && one.counter < run.counter);
    need(isChosen, `order: ${other.id} stands before ${run.id}, and both clocks say otherwise`);
  }
}

const early = (other, run) =>
  wrong(`order: ${other.id} stands before ${run.id}, which took effect before it`);

/** Checks that each snapshot that is an entry stands behind the last run that comes before it, and no further. */
function checkPlaces(placed) {
  let [nextHeld, nextAt] = [Number.POSITIVE_INFINITY, null];
  for (const one of placed.toReversed()) {
    if (one.isRun) {
      nextHeld = Math.min(nextHeld, one.heldFrom);
      nextAt = least(nextAt === null ? [one.at] : [nextAt, one.at]);
    } else if (nextHeld < one.opened || (nextAt !== null && nextAt <= one.arrived)) {
      const run = placed.slice(one.order).find((other) => other.isRun && isBehind(one, other));
      wrong(`order: ${one.id} stands before ${run.id}, which comes before it`);
    }
  }
  for (const [at, one] of placed.entries()) {
    const before = placed[at - 1];
    if (one.isRun || before === undefined) continue;
    // Snapshots behind the same run stand there as they arrived.
    const isPlaced = before.isRun ? isBehind(one, before) : isEarlier(before, one);
    need(isPlaced, `order: ${one.id} stands behind ${before.id}, which comes after it`);
  }
}

/** Whether a snapshot stands behind a run: it certainly includes it, or arrived when that had taken effect. */
const isBehind = (snapshot, run) => run.heldFrom < snapshot.opened || run.at <= snapshot.arrived;

const isEarlier = (a, b) => a.arrived < b.arrived || (a.arrived === b.arrived && a.id < b.id);

// Snapshots

/** Checks that each snapshot's statement is either an entry, or confirmed by the entry that the rules say. */
function checkSnapshots(snapshots, { made, placed, isEqual }) {
  const confirmedBy = new Map(
    snapshots.map((one) => [`snapshot:${one.connection}:${one.frame}`, one.confirmed_by]),
  );
  const isOnce = confirmedBy.size === snapshots.length;
  need(isOnce, "arithmetic: a snapshot stands there twice");
  for (const id of confirmedBy.keys()) need(made.has(id), `arithmetic: ${id} follows from no fact`);
  const ids = new Set(placed.map(({ id }) => id));
  for (const snapshot of made.values()) {
    if (snapshot.isRun) continue;
    const { id } = snapshot;
    const by = confirmedBy.get(id);
    need(by !== undefined, `left out: ${id} is not among the snapshots`);
    const isOneOfBoth = (by === "") === ids.has(id);
    need(isOneOfBoth, `arithmetic: ${id} stands as an entry, or is confirmed by one`);
    const isNamed = by === "" || by === "=" || ids.has(by);
    need(isNamed, `arithmetic: ${by}, which is said to confirm ${id}, is no entry`);
    const what = whatConfirms(snapshot, placed, isEqual);
    if (by === "" ? what.length === 0 : what.includes(by)) continue;
    if (by === "") wrong(`arithmetic: ${id} stands although it only confirms`);
    if (by === "=") wrong(`arithmetic: ${id} is not what the account held then`);
    wrong(`arithmetic: ${by} does not confirm ${id}`);
  }
}

/** A run dated later than this after a snapshot's arrival is not in the snapshot. */
const RECEIVER_ERROR = 5_000_000_000n;

/** @returns what may confirm a snapshot: "=" for the last entry that is certainly in it, or the ids of later ones */
function whatConfirms({ id, balance, arrived, opened }, placed, isEqual) {
  const isOfThen = (one) => one.isRun || isEarlier(one, { id, arrived });
  const sure = placed.findLast((one) => one.heldFrom < opened && isOfThen(one));
  const isWhat = (held) => held !== null && isEqual(held, balance);
  if (balance === null || (sure !== undefined && isWhat(sure.held))) return ["="];
  const first = (sure?.order ?? -1) + 1;
  const later = placed.slice(first, first + NEIGHBOURS).filter(isOfThen);
  // A run without a time may be in it.
  const isOut = (one) => !(one.isRun && one.isUndated) && one.own - RECEIVER_ERROR > arrived;
  const end = later.findIndex(isOut);
  return later
    .slice(0, end < 0 ? later.length : end)
    .filter((one) => isWhat(one.before) || isWhat(one.held))
    .map((one) => one.id);
}

// ---- exact.mjs
// Shared by all steps: canonical JSON, digests, amounts and times, all exact. Read proof.mjs first.

/** The check failed; the message names the step and the reason. */
class Wrong extends Error {}

/** It cannot be checked by this program, or not here. That says nothing about the file. */
class Unable extends Error {}

function wrong(why) {
  throw new Wrong(why);
}

const need = (holds, why) => holds || wrong(why);

const without = (object, name) =>
  Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));

// JSON

/** RFC 8785: one text for each value. The checked values contain no numbers. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** Parses the provider's JSON; numbers stay text as printed, so that no digit is lost. */
function exactJson(text) {
  const exact = (_name, value, { source }) => (typeof value === "number" ? source : value);
  return JSON.parse(nestedLittle(text), exact);
}

/** Where an engine's memory for nesting ends, another's does not: all checkers end here. A ledger reads 64 levels. */
const NESTED_MAX = 1000;

/** @returns the text. @throws if its lists and objects are nested too deeply */
function nestedLittle(text) {
  if (text.split(/[[{]/, NESTED_MAX + 2).length <= NESTED_MAX + 1) return text;
  let [level, isInText] = [0, false];
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at];
    if (one === "\\") at += 1;
    else if (one === '"') isInText = !isInText;
    else if (!isInText && (one === "[" || one === "{")) level += 1;
    else if (!isInText && (one === "]" || one === "}")) level -= 1;
    if (level > NESTED_MAX) throw new SyntaxError("it is nested too deeply");
  }
  return text;
}

/** What cannot be read is malformed. */
function readWith(read, why) {
  try {
    return read();
  } catch {
    return wrong(why);
  }
}

// Shapes: what each value has to be, so that every field is checked

const HEX = /^[0-9a-f]{64}$/;
const textLike = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Kinds of values: a test, and what is expected. Counts are small enough for an exact JavaScript number. */
const KINDS = {
  any: [() => true, "anything"],
  text: [textLike(/^/), "text"],
  digest: [textLike(HEX), "64 lower-case hex digits"],
  signature: [textLike(/^[0-9a-f]{128}$/), "128 lower-case hex digits"],
  count: [textLike(/^(0|[1-9]\d{0,14})$/), "a whole number as text"],
  position: [textLike(/^[1-9]\d{0,14}$/), "a position as text"],
  nanos: [textLike(/^-?\d{1,19}$/), "nanoseconds as text"],
  amount: [textLike(/^-?(0|[1-9]\d{0,999})(\.\d{0,999}[1-9])?$/), "an amount as text"],
  time: [(value) => time(value) !== null, "a time as text"],
  base64: [
    (value) =>
      textLike(/^[A-Za-z0-9+/]*={0,2}$/)(value) &&
      value.length % 4 === 0 &&
      /(^|[^=]|[AEIMQUYcgkosw048]=|[AQgw]==)$/.test(value.slice(-3)),
    "base64",
  ],
  number: [(value) => Number.isSafeInteger(value) && value >= 0, "a whole number"],
};

/** The shape of an object, from "name:kind name:kind". */
function fields(text) {
  return Object.fromEntries(text.split(/\s+/).map((one) => one.split(":")));
}

/**
 * Checks a value against its shape: a kind, a list of one shape, or fields by name. "?" means after a kind that
 * it may be null, after a name that it may be missing; "*" is the shape of all other fields, else there are none.
 */
function needShape(value, shape, where) {
  const expect = (isGood, words) => need(isGood, `${where}: expected ${words}`);
  if (typeof shape === "string") {
    const [isKind, words] = KINDS[shape.replace("?", "")];
    if (!shape.endsWith("?")) expect(isKind(value), words);
    else expect(value === null || isKind(value), `${words} or null`);
  } else if (Array.isArray(shape)) {
    expect(Array.isArray(value), "a list");
    for (const [at, one] of value.entries()) needShape(one, shape[0], `${where}[${at}]`);
  } else {
    const own = (name) => (Object.hasOwn(shape, name) ? shape[name] : undefined);
    const shapeOf = (name) => own(name) ?? own(`${name}?`) ?? own("*");
    const names = Object.keys(shape).filter((name) => !/[*?]$/.test(name));
    const hasAll = isObject(value) && names.every((name) => Object.hasOwn(value, name));
    const isGood = hasAll && Object.keys(value).every(shapeOf);
    expect(isGood, `an object with the fields ${names.sort().join(", ") || "that belong there"}`);
    for (const [name, one] of Object.entries(value))
      needShape(one, shapeOf(name), `${where}.${name}`);
  }
}

// Bytes and digests

function fromHex(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

const utf8 = (text) => new TextEncoder().encode(text);

function joinedBytes(...parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** SHA-256 of digests after one byte that says what is hashed; a subject's chained digest has no such byte. */
function hashesOf(sha256) {
  const hashOf =
    (...prefix) =>
    (...digests) =>
      sha256(joinedBytes(Uint8Array.from(prefix), ...digests.map(fromHex)));
  return {
    leaf: hashOf(0),
    node: hashOf(1),
    entry: hashOf(2),
    branch: hashOf(3),
    chained: hashOf(),
  };
}

/** The hash of an event, over the previous hash and all its fields. */
function eventHash(before, event, sha256) {
  const header = [
    ...[String(event.position), event.id, event.type, String(event.schema_version), event.subject],
    ...[event.occurred_at, event.recorded_at, event.causation_id, event.correlation_id],
  ];
  return sha256(joinedBytes(fromHex(before), utf8(`${JSON.stringify(header)}\n${event.data}`)));
}

// Amounts: a whole number of units, and the number of decimals

const AMOUNT = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** @param text of the kind `amount`, or as a provider prints it */
function amount(text) {
  const [, sign, whole, part = "", power = "0"] = AMOUNT.exec(text);
  const digits = `${sign}${whole}${part}`.replace("+", "");
  const scale = part.length - Number(power);
  if (scale >= 0) return { units: BigInt(digits), scale };
  return { units: BigInt(digits + "0".repeat(-scale)), scale: 0 };
}

const ZERO = { units: 0n, scale: 0 };

/** Two amounts in the finer one's units, and that scale. */
function aligned(a, b) {
  const scale = Math.max(a.scale, b.scale);
  const unitsOf = (one) => one.units * 10n ** BigInt(scale - one.scale);
  return [unitsOf(a), unitsOf(b), scale];
}

function plus(a, b) {
  const [x, y, scale] = aligned(a, b);
  return { units: x + y, scale };
}

function minus(a, b) {
  const [x, y, scale] = aligned(a, b);
  return { units: x - y, scale };
}

const magnitude = (units) => (units < 0n ? -units : units);

/** The canonical text of an amount: no exponent, no trailing zeros. */
function printed(value) {
  if (value === null) return null;
  const { units, scale } = value;
  const digits = String(magnitude(units)).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const part = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${units < 0n ? "-" : ""}${whole}${scale > 0 && part ? `.${part}` : ""}`;
}

const isGiven = (value) => value !== undefined && value !== null && value !== "";

const isAmount = textLike(AMOUNT);

/** Whether two printed amounts are equal, or both are missing. */
function isSameAmount(a, b) {
  if (!isGiven(a) || !isGiven(b)) return isGiven(a) === isGiven(b);
  return [a, b].every(isAmount) && minus(amount(a), amount(b)).units === 0n;
}

// Times: nanoseconds since 1970

const ISO =
  /^(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d{1,9}))?(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;
const SECOND = 1_000_000_000n;

/** Nanoseconds of an ISO 8601 time, or of an epoch whose number of digits shows its unit; null if it is not a time. */
function time(text) {
  if (typeof text !== "string") return null;
  const [, day, minute, second, part = "", offset] = ISO.exec(text) ?? [];
  if (day !== undefined) {
    const midnight = new Date(Date.parse(`${day}T00:00:00Z`) || 0);
    if (!midnight.toISOString().startsWith(day)) return null;
    const zone = offset.toUpperCase().replace(/^(.\d\d)(\d\d)$/, "$1:$2");
    const minutes = BigInt(Date.parse(`${day}T${minute}:00${zone}`)) * 1_000_000n;
    return minutes + BigInt(second) * SECOND + BigInt(part.padEnd(9, "0"));
  }
  if (!/^\d{1,19}$/.test(text)) return null;
  const unit =
    text.length <= 11 ? SECOND : text.length <= 14 ? 1_000_000n : text.length <= 17 ? 1000n : 1n;
  return BigInt(text) * unit;
}

const least = (times) => times.reduce((a, b) => (a === null || b < a ? b : a), null);
const most = (times) => times.reduce((a, b) => (a === null || b > a ? b : a), null);

/** Of several printed times of one moment the most precise one of which the others are truncations; else the earliest. */
const agreedTime = (times) =>
  least(times.filter((one) => !times.some((other) => isCutFrom(one, other))));

const isCutFrom = (coarse, fine) =>
  coarse !== fine &&
  [1000n, 1_000_000n, SECOND].some(
    (unit) => coarse % unit === 0n && fine - (fine % unit) === coarse,
  );

/** A count and what was counted, for people: "1 event", "2 events". */
function counted(count, one, many) {
  return `${count} ${Number(count) === 1 ? one : many}`;
}

// ---- export.mjs
// Checks an export of a Counterfoil ledger, line by line.

const BODY = { sha256: "digest" };
const BEFORE_FIRST = "0".repeat(64);
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The shape of each kind of line, its fields in their order. */
const LINES = {
  header: fields(
    `format:text ledger:text environment:text genesis:digest from:number to:number before:digest
    account:text?`,
  ),
  event: fields(
    `position:number id:text type:text schema_version:number subject:text occurred_at:nanos?
    recorded_at:nanos causation_id:text? correlation_id:text? data:text hash:digest`,
  ),
  body: fields("body:digest base64:base64?"),
  end: fields("end:digest events:number bodies:number root:digest? head:any"),
};

/** A body is repeated after this many other bodies. */
const REMEMBERED_MAX = 100_000;

class Export {
  line = 0;
  header = null;
  end = null;
  /** The digest of the body that has to follow. */
  awaited = null;
  position = 0;
  previous = "";
  events = 0;
  bodies = 0;
  recorded = 0n;
  /** The last position that a head has confirmed. */
  held = 0;
  ids = new Set();
  /** The map's entry of each subject, by its key. */
  subjects = new Map();
  /** The complete subtrees of the tree so far, from left to right. */
  spine = [];
  remembered = new Set();
  erased = new Set();
  missing = new Map();
  /** Rotations of the key as events state them; their signatures are checked at the end. */
  rotations = [];

  constructor(heads, tools) {
    this.heads = heads;
    this.tools = tools;
    this.hash = hashesOf(tools.sha256);
  }

  get where() {
    return `line ${this.line}, position ${Math.max(this.position, 1)}`;
  }

  bad(why) {
    wrong(`${this.where}: ${why}`);
  }

  get isWhole() {
    return this.header.from === 1 && this.header.account === null;
  }

  /** The chain can be checked only if no events are missing. */
  get isChained() {
    return this.header.account === null;
  }

  root() {
    const { node } = this.hash;
    return this.spine.map(({ root }) => root).reduceRight((right, left) => node(left, right));
  }

  read(bytes) {
    this.line += 1;
    const text = readWith(() => decoder.decode(bytes), `${this.where}: expected UTF-8`);
    const value = this.parsed(text, { "*": "any" }, this.where);
    const kind = this.kindOf(value);
    if (this.end !== null) this.bad("something stands behind the end");
    needShape(value, LINES[kind], `${this.where}: ${kind}`);
    const names = Object.keys(LINES[kind]);
    if (JSON.stringify(Object.fromEntries(names.map((name) => [name, value[name]]))) !== text)
      this.bad(`it is not in the form of ${kind}: it was altered`);
    if (this.awaited !== null && kind !== "body") this.bad(`expected the body ${this.awaited}`);
    this[`${kind}Line`](value);
  }

  parsed(text, shape, where) {
    const value = readWith(() => JSON.parse(nestedLittle(text)), `${where}: expected JSON`);
    needShape(value, shape, where);
    return value;
  }

  dataOf({ data }, shape) {
    return this.parsed(data, { ...shape, "*": "any" }, `${this.where}: data`);
  }

  kindOf(value) {
    if (this.header === null) return "header";
    if ("body" in value) return "body";
    return "end" in value ? "end" : "event";
  }

  // One method per kind of line.

  headerLine(value) {
    this.header = value;
    this.previous = value.before;
    this.position = value.from - 1;
  }

  eventLine(value) {
    this.position += 1;
    if (this.isChained) {
      if (value.position !== this.position) this.bad(`found position ${value.position}`);
      if (value.hash !== eventHash(this.previous, value, this.tools.sha256))
        this.bad("its hash does not follow from the one before and from what it says");
    }
    this.position = value.position;
    if (value.position === 1 && !this.isOpening(value))
      this.bad("it does not open the ledger that the header names");
    if (this.ids.has(value.id)) this.bad(`the event ${value.id} stands there twice`);
    if (BigInt(value.recorded_at) < this.recorded)
      this.bad("it was recorded before the event before it");
    this.ids.add(value.id);
    this.recorded = BigInt(value.recorded_at);
    this.previous = value.hash;
    this.events += 1;
    if (this.isWhole) this.addToTree(value);
    if (value.type === "BodyErased") this.erased.add(this.dataOf(value, BODY).sha256);
    if (value.type === "DeliveryReceived" && this.isChained)
      this.expectBody(this.dataOf(value, BODY).sha256);
    if (value.type === "HeadKeyRotated")
      this.rotations.push({ ...this.dataOf(value, ROTATION), position: this.position });
    for (const head of this.heads)
      if (this.isChained && Number(head.position) === this.position) this.compare(head);
  }

  isOpening(event) {
    const { ledger, environment, genesis, before } = this.header;
    const said = this.dataOf(event, { environment: "text", name: "text" });
    const isNamed = said.name === ledger && said.environment === environment;
    return isNamed && event.hash === genesis && before === this.tools.sha256(utf8(ledger));
  }

  addToTree({ subject, position, hash: one }) {
    const { hash } = this;
    const key = this.tools.sha256(utf8(subject));
    const { number, digest } = this.subjects.get(key) ?? { number: 0, digest: BEFORE_FIRST };
    const entry = { number: number + 1, position, digest: hash.chained(digest, one) };
    this.subjects.set(key, { key, subject, ...entry });
    let node = { root: hash.leaf(one), width: 1 };
    while (this.spine.at(-1)?.width === node.width) {
      const left = this.spine.pop();
      node = { root: hash.node(left.root, node.root), width: 2 * node.width };
    }
    this.spine.push(node);
  }

  expectBody(digest) {
    this.awaited = this.remembered.delete(digest) ? null : digest;
    this.remembered.add(digest);
    const [oldest] = this.remembered;
    if (this.remembered.size > REMEMBERED_MAX) this.remembered.delete(oldest);
  }

  bodyLine({ body, base64 }) {
    if (this.awaited === null) this.bad("expected no body");
    if (body !== this.awaited) this.bad(`expected the body ${this.awaited}`);
    if (base64 === null) this.missing.set(body, this.where);
    else if (this.tools.sha256(this.tools.decodeBase64(base64)) !== body)
      this.bad(`the bytes are not those of the body ${body}`);
    else this.bodies += 1;
    this.awaited = null;
  }

  endLine(value) {
    this.end = value;
    const said = [value.end, value.events, value.bodies, value.root];
    const root = this.isWhole ? this.root() : null;
    const found = [this.previous, this.events, this.bodies, root];
    if (said.some((one, at) => one !== found[at]))
      this.bad("the end does not say what stands before it");
  }

  /** Compares a head with the export up to the head's position. */
  compare(head) {
    const said = { genesis: this.header.genesis, hash: this.previous };
    if (this.isWhole) {
      said.root = this.root();
      said.map_root = mapRoot([...this.subjects.values()], 0, this);
    }
    const { position } = head;
    for (const [name, found] of Object.entries(said)) {
      need(
        found === head[name],
        `position ${this.held + 1}: found ${name} ${found} at position ${position}, signed was ${head[name]}: what was altered lies in positions ${this.held + 1} to ${position}`,
      );
    }
    this.held = Number(position);
  }

  /** Call it after the last line. @returns the text to print, and what remains unproven */
  async finish(keys) {
    const { header, end, heads, position } = this;
    this.line += 1;
    if (end === null) this.bad("the file ends here, and its last line is missing: it was cut");
    if (this.isChained && position !== header.to)
      this.bad(`the header says that it ends at position ${header.to}`);
    const unexplained = [...this.missing].filter(([body]) => !this.erased.has(body));
    // Only a file from position 1 to a head has to hold what erased them.
    const isUpToHead = [...heads, end.head].some((head) => Number(head?.position) === position);
    if (unexplained.length > 0 && this.isWhole && isUpToHead) {
      const [[body, where]] = unexplained;
      const why = `${where}: the bytes ${body} are missing, and nothing says that they were erased`;
      wrong(
        `${why}: if that came after position ${position}, ask for an export of the whole ledger`,
      );
    }
    for (const head of heads) this.checkBrought(head);
    if (end.head !== null) await this.checkOwn(end.head);
    const rotations = await this.signedRotations();
    needKeysInTime(end.head === null ? heads : [...heads, end.head], rotations);
    const said = [
      `${counted(this.events, "event", "events")} up to position ${position} of ledger ${header.ledger}, ${counted(this.bodies, "body", "bodies")}: whole, in order, unaltered since their hashes were made`,
    ];
    const absent = counted(unexplained.length, "body is", "bodies are");
    const outside = `not in this export; what erased them, if anything did, is outside of it: an export of the whole ledger says`;
    if (unexplained.length > 0) said.push(`${absent} ${outside}`);
    if (!this.isChained) return { said, open: [OF_ACCOUNT] };
    const last = heads.toSorted((a, b) => a.position - b.position).at(-1) ?? end.head;
    if (last === null) return { said, open: ["it ends with no signed head, and you brought none"] };
    const signed = { head: last, rotations };
    const open = heads.length > 0 ? [] : trustOf(signed, keys, [], () => true);
    if (heads.some((head) => Number(head.position) < header.from))
      open.push("it begins behind a head that you brought");
    const isAll = Number(last.position) === position;
    said.push(
      isAll
        ? `as signed ${last.signed_at} by key ${last.key_id}`
        : `up to position ${last.position} as signed ${last.signed_at}; what comes after is not under a head that you brought`,
    );
    return { said, open };
  }

  checkBrought({ ledger, position, signed_at }) {
    need(ledger === this.header.ledger, `head: the one over ${position} is of another ledger`);
    if (!this.isChained || Number(position) <= this.position) return;
    const first = this.position + 1;
    wrong(
      `position ${first}: positions ${first} to ${position} are missing, which the head of ${signed_at} signed`,
    );
  }

  async checkOwn(head) {
    checkHead(head, this.tools.sha256);
    need(
      await this.tools.isSigned(headSignature(head)),
      "head: the signature at the end does not hold",
    );
    const isOwn = head.ledger === this.header.ledger && Number(head.position) === this.position;
    need(isOwn || !this.isChained, "head: the one at the end is not of this export");
    if (this.isChained) this.compare(head);
  }

  /** Without both signatures it replaces no key: anyone who can append could have written it. */
  async signedRotations() {
    const signed = [];
    for (const rotation of this.rotations) {
      const [byOld, byNew] = rotationSignatures(rotation, this.header);
      const { isSigned } = this.tools;
      if ((await isSigned(byOld)) && (await isSigned(byNew))) signed.push(rotation);
    }
    return signed;
  }
}

const OF_ACCOUNT =
  "the export of one account cannot be proven complete: ask for a proof (counterfoil prove)";

/** The root of the map over entries whose keys share their first `depth` bits. */
function mapRoot(entries, depth, { hash, tools }) {
  if (entries.length === 0) return BEFORE_FIRST;
  const bit = ({ key }) => bitOf(key, depth);
  if (entries.length > 1) {
    const [left, right] = [0, 1].map((side) => {
      const half = entries.filter((entry) => bit(entry) === side);
      return mapRoot(half, depth + 1, { hash, tools });
    });
    return hash.branch(left, right);
  }
  const [{ key, subject, number, position, digest }] = entries;
  const said = [subject, String(number), String(position), digest];
  return hash.entry(key, tools.sha256(utf8(JSON.stringify(said))));
}

const CHUNK = 1024 * 1024;
const NEWLINE = 10;

/** Checks a file, with memory that does not grow with its bodies. */
async function checkExport(file, { keys, heads }, tools) {
  const { exportMax, textMax, forLarger } = tools;
  if (file.size > exportMax) throw new Unable(`it has more than ${exportMax} bytes: ${forLarger}`);
  const reading = new Export(heads, tools);
  /** The beginning of a line whose end is not read yet, in parts; and where it starts in the file. */
  let [begun, lineAt] = [[], 0];
  for (let at = 0; at < file.size; at += CHUNK) {
    const bytes = await file.read(at, Math.min(at + CHUNK, file.size));
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const line = bytes.subarray(start, end);
      reading.read(begun.length === 0 ? line : joinedBytes(...begun, line));
      begun = [];
      start = end + 1;
      lineAt = at + start;
    }
    if (start < bytes.length) begun.push(bytes.subarray(start));
    if (at + bytes.length - lineAt > textMax)
      throw new Unable(`line ${reading.line + 1} has more than ${textMax} bytes: ${forLarger}`);
  }
  // The last line has to end as well: it is not in the form of any.
  if (begun.length > 0) reading.read(joinedBytes(...begun, utf8("?")));
  return reading.finish(keys);
}

// ---- verdict.mjs
// The verdict on a file: a proof or an export. check.mjs and check.html share it; only how they read
// the file, and with whose crypto they compute, differs (`tools`).

/**
 * @param file its `size`, and `read`: the bytes from one place to another
 * @param brought the auditor's `keys` and `heads`
 * @param tools `sha256`, `decodeBase64`, `isSigned` (an Ed25519 signature); `checkProviders`: how many of the
 *   providers' signatures hold, and `toCheckProviders`: what to do for the others; `textMax`: the bytes that can be
 *   read as one text, `exportMax`: of a whole export, and `forLarger`: what to do with more
 * @returns 0 if it holds, 3 if nothing given shows who signed it, 1 if it does not hold, 2 if it cannot be
 *   checked here; and what is said of it
 */
async function verdictOf(file, brought, tools) {
  try {
    const isOfProof = !(await isExport(file));
    const { said, open } = await (isOfProof ? checkProofFile : checkExport)(file, brought, tools);
    return open.length === 0 ? [0, said] : [3, [...said, ...open]];
  } catch (error) {
    if (error instanceof Wrong) return [1, [error.message]];
    if (error instanceof Unable) return [2, [error.message]];
    // Memory, or another limit of this machine.
    if (error instanceof RangeError) return [2, [`${error.message}: ${tools.forLarger}`]];
    return [1, [UNREADABLE]];
  }
}

const UNREADABLE = "form: expected a file as docs/stream-format.md or docs/audit.md describes it";

/** UTF-8 alone is text: other bytes are not repaired, and a byte order mark is none of the format. */
const textOf = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

const EXPORT_START = '{"format":"counterfoil-export/1"';

async function isExport(file) {
  const start = await file.read(0, EXPORT_START.length);
  return String.fromCharCode(...start) === EXPORT_START;
}

/** A head that the auditor gives has to be well formed, and signed by the key that it names. */
async function readHead(text, { sha256, isSigned }) {
  const head = JSON.parse(text);
  checkHead(head, sha256);
  need(await isSigned(headSignature(head)), "its signature does not hold");
  return head;
}

// A proof

async function checkProofFile(file, { keys, heads }, tools) {
  const { sha256, decodeBase64, isSigned, textMax, forLarger } = tools;
  if (file.size > textMax)
    throw new Unable(`it has more than ${textMax} bytes, which are read at once: ${forLarger}`);
  const bytes = await file.read(0, file.size);
  const text = readWith(() => textOf(bytes), "form: it is no UTF-8");
  const checked = checkProof(text, sha256, decodeBase64);
  const { proof } = checked;
  for (const one of checked.signatures) need(await isSigned(one), one.why);
  const { head, rotations } = proof;
  const open = trustOf({ head, proof, rotations }, keys, heads, linksOf(proof));
  const verified = tools.checkProviders(checked.providers);
  return { said: wordsFor(checked, verified, tools.toCheckProviders), open };
}

function wordsFor(checked, verified, toCheckProviders) {
  const { proof, unseen, withdrawn, still, operatorOnly, providers } = checked;
  const { account, balance, head, map } = proof;
  const unknown = providers.length - verified;
  const gaps = proof.entries.filter(({ missing }) => missing !== null).length;
  const holds = `${account} holds ${balance ?? "nothing that is known"}`;
  return [
    `${holds} after position ${head.position} of ledger ${head.ledger}, signed ${head.signed_at}`,
    `${counted(map.number, "event", "events")}, and these are all; ${counted(checked.checked, "fact is", "facts are")} what the provider's bytes say, ${counted(unseen, "has", "have")} no bytes here`,
    ...some(verified, "of the provider's signatures holds", "of the provider's signatures hold"),
    ...some(
      unknown,
      `of the provider's signatures was not checked: ${toCheckProviders}`,
      `of the provider's signatures were not checked: ${toCheckProviders}`,
    ),
    ...some(
      operatorOnly,
      "delivery has an HMAC signature: vouched for by the operator only, who holds the secret too",
      "deliveries have an HMAC signature: vouched for by the operator only, who holds the secret too",
    ),
    ...some(
      withdrawn,
      "fact without bytes here was withdrawn",
      "facts without bytes here were withdrawn",
    ),
    ...still,
    ...some(
      gaps,
      "gap is open: something is missing there",
      "gaps are open: something is missing there",
    ),
  ];
}

const some = (count, one, many) => (count > 0 ? [counted(count, one, many)] : []);

// ---- signatures.mjs
// Digests and signatures with Node's crypto. check.html uses the browser's.

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The prefix of an Ed25519 public key's 32 bytes in SPKI form. */
const ED25519_SPKI = "302a300506032b6570032100";

/** Ed25519: a key of 64 hex digits, a signature of 128. */
function isSigned({ key, text, signature }) {
  if (!/^[0-9a-f]{128}$/.test(signature)) return false;
  const spki = Buffer.from(`${ED25519_SPKI}${key}`, "hex");
  try {
    const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
    return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, "hex"));
  } catch {
    return false;
  }
}

/** The provider's signature over a delivery: RSA in hex, ECDSA in base64. */
function isSignedByProvider({ scheme, signed, value }, key) {
  if (scheme === "ecdsa_secp256k1") {
    const ecdsa = { key, dsaEncoding: "der" };
    return verify("sha256", signed, ecdsa, Buffer.from(value, "base64"));
  }
  const pss = {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  };
  const padding = scheme === "rsa_pss" ? pss : { padding: constants.RSA_PKCS1_PADDING };
  return verify("sha256", signed, { key, ...padding }, Buffer.from(value, "hex"));
}

/** A provider's public key, as PEM or as base64 of its SPKI form. @throws if it is not a key */
const readPublicKey = (text) =>
  createPublicKey(
    text.includes("BEGIN")
      ? text
      : { key: Buffer.from(text, "base64"), format: "der", type: "spki" },
  );

/** The key's id in deliveries: SHA-256 of its SPKI form. */
const keyIdOf = (key) => sha256(key.export({ type: "spki", format: "der" }));

// ---- command.mjs
// The command line: reads the given files, runs the check, and formats the result.

/** The command line, or a given key or head, is invalid. */
class Usage extends Error {}

/** @returns the exit code, and the lines to print */
async function check(args) {
  if (JSON.rawJSON === undefined) {
    const found = `this is ${process.version}`;
    return [2, [`expected Node 22 or newer, which reads every digit of a number; ${found}`]];
  }
  try {
    const brought = await readBrought(args);
    const file = openFile(brought.file);
    const [code, said] = await verdictOf(file, brought, toolsWith(brought.providers));
    file.close();
    return [code, HEADINGS[code](said)];
  } catch (error) {
    if (error instanceof Usage || error.syscall !== undefined) return [2, [error.message]];
    throw error;
  }
}

const HEADINGS = [
  (said) => ["it holds", ...said],
  ([reason]) => [`it does not hold: ${reason}`],
  ([reason]) => [`it cannot be checked here: ${reason}`],
  (said) => ["consistent, signer not checked", ...said],
];

const toolsWith = (keys) => ({
  sha256,
  isSigned,
  decodeBase64: (text) => Buffer.from(text, "base64"),
  checkProviders: (signatures) => checkProviders(signatures, keys),
  toCheckProviders: "bring its public key with --key",
  textMax: kStringMaxLength,
  exportMax: Number.POSITIVE_INFINITY,
  forLarger: "check.py has no such limit",
});

/** @returns how many of the providers' signatures are valid; those without a given key are not checked */
function checkProviders(signatures, keys) {
  const checkable = signatures.filter(({ key_id }) => keys.has(key_id));
  for (const one of checkable) {
    const why = `bytes: the provider's signature of the delivery at position ${one.place} does not hold`;
    need(isSignedByProvider(one, keys.get(one.key_id)), why);
  }
  return checkable.length;
}

// The auditor's files

const USAGE = "usage: node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...";

/** The file to check, and what to check it against: keys of heads (64 hex digits), heads, providers' public keys. */
async function readBrought(args) {
  const brought = { keys: [], heads: [], providers: new Map(), file: null };
  const rest = [...args];
  while (rest.length > 0) {
    const one = rest.shift();
    if (one === "--head" && rest.length > 0) brought.heads.push(await headIn(rest.shift()));
    else if (one === "--key" && rest.length > 0) readKey(rest.shift(), brought);
    else if (!one.startsWith("--") && brought.file === null) brought.file = one;
    else throw new Usage(`${one}: expected one file, --key FILE or --head FILE`);
  }
  if (brought.file === null) throw new Usage(USAGE);
  return brought;
}

async function headIn(file) {
  try {
    return await readHead(readFileSync(file, "utf8"), { sha256, isSigned });
  } catch (error) {
    throw new Usage(`${file} is no signed head: ${error.message}`);
  }
}

function readKey(given, { keys, providers }) {
  try {
    const text = HEX.test(given) ? given : readFileSync(given, "utf8").trim();
    if (HEX.test(text)) {
      keys.push(text);
      return;
    }
    const key = readPublicKey(text);
    providers.set(keyIdOf(key), key);
  } catch (error) {
    const expected =
      "expected 64 lower-case hex digits, or a provider's public key as PEM or base64";
    throw new Usage(`--key ${given}: ${expected}: ${error.message}`);
  }
}

/** A file that is read in parts, so that an export of any size can be checked. */
function openFile(path) {
  const descriptor = openSync(path, "r");
  return {
    size: fstatSync(descriptor).size,
    read(start, end) {
      try {
        return readPart(descriptor, start, end);
      } catch (error) {
        throw new Unable(`${path}: ${error.message}`);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** The bytes from `start` to `end`, or to the end of the file. */
function readPart(descriptor, start, end) {
  const bytes = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    read = readSync(descriptor, bytes, length, bytes.length - length, start + length);
  }
  return bytes.subarray(0, length);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [code, lines] = await check(process.argv.slice(2));
  (code === 1 || code === 2 ? console.error : console.log)(lines.join("\n"));
  process.exitCode = code;
}

export { check };
