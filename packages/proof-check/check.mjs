#!/usr/bin/env node
// Checks a balance proof of a Counterfoil ledger with nothing but Node and this file; with check-export.mjs
// beside it also an export:  node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...
// Exit: 0 it holds against a key or head that you brought, 1 something is wrong, 2 the command line is, 3 consistent, signer not checked.
import { constants, createHash, createPublicKey, verify } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { pathToFileURL } from "node:url";

// ---- what a proof says: the same text stands in check.html ----
class Wrong extends Error {}
function wrong(why) { throw new Wrong(why); }
const need = (holds, why) => holds || wrong(why);
const HEX = /^[0-9a-f]{64}$/, COUNT = /^(0|[1-9]\d{0,14})$/;
/** RFC 8785 of what holds no numbers. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`); return `{${members.join(",")}}`;
}
/** Numbers as they were printed: none loses a digit. */
const exactJson = (text) => JSON.parse(text, (_key, value, { source }) => (typeof value === "number" ? source : value));
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const utf8 = (text) => new TextEncoder().encode(text);
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0)); let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
}
function fields(object, names, what) {
  const isObject = object !== null && typeof object === "object" && !Array.isArray(object);
  need(isObject && Object.keys(object).sort().join() === [...names].sort().join(), `form: ${what} has to have the fields ${names.join(", ")}`);
}
const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
// Amounts are exact: a whole number and how many of its digits stand behind the point.
function amount(text) {
  const [, sign, whole, part = "", power = "0"] = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text) ?? wrong(`form: ${text} is no amount`);
  let [digits, scale] = [`${sign}${whole}${part}`, part.length - Number(power)]; if (scale < 0) [digits, scale] = [digits + "0".repeat(-scale), 0];
  return { n: BigInt(digits.replace("+", "") || "x"), scale };
}
function aligned(a, b) { const scale = Math.max(a.scale, b.scale); const at = (one) => one.n * 10n ** BigInt(scale - one.scale); return [at(a), at(b), scale]; }
function plus(a, b, times = 1n) { const [x, y, scale] = aligned(a, b); return { n: x + times * y, scale }; }
const minus = (a, b) => plus(a, b, -1n);
function printed(value) {
  if (value === null) return null;
  const digits = String(value.n < 0n ? -value.n : value.n).padStart(value.scale + 1, "0"); const part = digits.slice(digits.length - value.scale).replace(/0+$/, "");
  const text = digits.slice(0, digits.length - value.scale) + (value.scale > 0 && part ? `.${part}` : ""); return value.n < 0n ? `-${text}` : text;
}
const given = (value) => value !== undefined && value !== null && value !== "";
const equal = (a, b) => (given(a) && given(b) ? minus(amount(a), amount(b)).n === 0n : given(a) === given(b));
// Times are whole nanoseconds.
function time(text) {
  const iso = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)$/.exec(text);
  if (iso) {
    const zone = iso[5].toUpperCase().replace(/^(.\d\d)(\d\d)$/, "$1:$2");
    return BigInt(Date.parse(`${iso[1]}T${iso[2]}:00${zone}`)) * 1000000n + BigInt(iso[3]) * 1000000000n + BigInt((iso[4] ?? "").padEnd(9, "0"));
  }
  if (!/^\d{1,19}$/.test(text)) return null;
  return BigInt(text) * (text.length <= 11 ? 1000000000n : text.length <= 14 ? 1000000n : text.length <= 17 ? 1000n : 1n);
}
const cut = (coarse, fine) => coarse !== fine && [1000n, 1000000n, 1000000000n].some((unit) => coarse % unit === 0n && fine - (fine % unit) === coarse);
const least = (times) => times.reduce((a, b) => (a === null || b < a ? b : a), null);
const most = (times) => times.reduce((a, b) => (a === null || b > a ? b : a), null);
/** Of several printings the finest that others are cut from; else the earliest. */
const agreed = (times) => least(times.filter((one) => !times.some((other) => cut(one, other))));
/** Digests of one byte that says what is hashed, and others: of the tree, the map, and a subject's events. */
function hashesOf(sha256) {
  const of = (...prefix) => (...parts) => sha256(joined(Uint8Array.from(prefix), ...parts.map(fromHex)));
  return { leaf: of(0), node: of(1), entry: of(2), branch: of(3), chained: of() };
}
function eventHash(before, event, sha256) {
  const { position, id, type, schema_version, subject, occurred_at, recorded_at, causation_id, correlation_id, data } = event;
  const said = [String(position), id, type, String(schema_version), subject, occurred_at, recorded_at, causation_id, correlation_id];
  return sha256(joined(fromHex(before), utf8(`${JSON.stringify(said)}\n${data}`)));
}
const powerBelow = (count) => 2 ** Math.ceil(Math.log2(count) - 1);
/** The root over `size` leaves of which some are known, and of all other subtrees the roots. */
function rootOf(leaves, size, proof, { node }) {
  let [at, used] = [0, 0];
  const walk = (start, end) => {
    if (at === leaves.length || leaves[at][0] >= end) return proof[used++] ?? wrong("inclusion: the path is too short");
    if (end - start === 1) return leaves[at++][1];
    const middle = start + powerBelow(end - start); return node(walk(start, middle), walk(middle, end));
  };
  const root = walk(0, size); need(used === proof.length, "inclusion: the path is too long"); return root;
}
/** RFC 6962, 2.1.2. @returns whether `to` with root `now` goes on from `from` with root `old` */
function isConsistent(from, old, to, now, proof, { node }) {
  const ranges = []; let [start, end, whole] = [0, to, true]; if (!(Number.isInteger(from) && from > 0 && from < to)) return false;
  while (from !== end) {
    const middle = start + powerBelow(end - start); if (from <= middle) [, end] = [ranges.push("right"), middle];
    else [, start, whole] = [ranges.push("left"), middle, false];
  }
  const rest = [...proof]; let first = whole ? old : rest.shift(); let second = first; if (first === undefined || rest.length !== ranges.length) return false;
  for (const side of ranges.reverse()) {
    const sibling = rest.shift(); if (side === "left") first = node(sibling, first); second = side === "left" ? node(sibling, second) : node(second, sibling);
  }
  return first === old && second === now;
}
const HEAD = ["ledger", "genesis", "position", "hash", "tree_size", "root", "map_root", "signed_at", "key_id", "public_key", "signature"];
/** A head's own form; its signature is for who has Ed25519: see `signaturesOf`. */
function checkHead(head, sha256) {
  fields(head, HEAD, "the head"); need(HEAD.every((name) => typeof head[name] === "string"), "head: all its fields are text");
  need(["genesis", "hash", "root", "map_root", "key_id", "public_key"].every((name) => HEX.test(head[name])), "head: expected digests of 64 lower-case hex digits");
  need(COUNT.test(head.position) && head.tree_size === head.position && head.position !== "0", "head: tree_size is not its position");
  need(sha256(fromHex(head.public_key)) === head.key_id, "head: key_id is not that of its public_key");
}
const headSignature = (head) => ({ why: "head: its signature does not hold", key: head.public_key, text: `counterfoil/head/v1\n${canonical(without(head, "signature"))}`, signature: head.signature });
const FORMAT = "counterfoil/balance-proof/v1";
const PROOF = ["format", "account", "balance", "bodies", "consistency", "entries", "events", "head", "map", "public_key", "rotations", "rules", "signature", "snapshots", "tree"];
const EVENT = ["before", "position", "id", "type", "schema_version", "subject", "occurred_at", "recorded_at", "causation_id", "correlation_id", "data"];
const FACTS = new Set(["MovementRecorded", "BalanceReported", "FundsReported"]);
/** Checks everything but signatures, which it hands back. @throws Wrong with the first reason */
function checkProof(text, sha256, decode) {
  const proof = JSON.parse(text); need(canonical(proof) === text, "form: it is not in the RFC 8785 form: a byte was altered");
  fields(proof, PROOF, "a balance proof"); need(proof.format === FORMAT, `form: expected ${FORMAT}`); fields(proof.rules, ["model", "version"], "rules");
  checkHead(proof.head, sha256); const hash = hashesOf(sha256); const size = Number(proof.head.tree_size);
  const events = proof.events.map((event) => {
    fields(event, EVENT, "an event"); need(HEX.test(event.before) && COUNT.test(event.position), "form: an event has no place");
    return { ...event, place: Number(event.position), hash: eventHash(event.before, event, sha256) };
  });
  for (const [at, { place }] of events.entries()) need(place > (events[at - 1]?.place ?? 0), "form: events are not in order");
  need((events.at(-1)?.place ?? 0) <= size, "inclusion: an event lies beyond the head");
  checkMap(proof, events.filter(({ subject }) => subject === proof.account), sha256, hash); const leaves = events.map((event) => [event.place - 1, hash.leaf(event.hash)]);
  need(rootOf(leaves, size, proof.tree, hash) === proof.head.root, "inclusion: the events do not lie under the head's root: an event, its place or the path was altered");
  for (const { tree_size, root, proof: path } of proof.consistency) {
    need(isConsistent(Number(tree_size), root, size, proof.head.root, path, hash), `consistency: the head does not go on from the one over ${tree_size}`);
  }
  const facts = foldFacts(events, proof.account); const evidence = checkBytes(proof, events, facts, sha256, decode); checkArithmetic(proof, facts, events);
  const sealed = { why: "seal: the proof's own signature does not hold: a byte was altered", key: proof.public_key, text: `${FORMAT}\n${canonical(without(proof, "signature"))}`, signature: proof.signature };
  const rotated = proof.rotations.flatMap(({ old_key, new_key, old_signature, new_signature }) => {
    const said = { why: "head: a rotation of its key is not signed by both keys", text: `counterfoil/head-key/v1\n${canonical({ genesis: proof.head.genesis, ledger: proof.head.ledger, new_key, old_key })}` };
    return [{ ...said, key: old_key, signature: old_signature }, { ...said, key: new_key, signature: new_signature }];
  });
  return { proof, ...evidence, signatures: [headSignature(proof.head), ...rotated, sealed] };
}
/** That these are all events of the account. */
function checkMap({ account, head, map }, own, sha256, { entry, branch, chained }) {
  fields(map, ["number", "position", "digest", "siblings"], "map");
  need(map.number === String(own.length), `left out: the map says that the account has ${map.number} events, and ${own.length} are here`);
  need(map.position === own.at(-1)?.position, "left out: the account's last event is not the map's");
  const digest = own.reduce((before, { hash }) => chained(before, hash), "0".repeat(64)); need(map.digest === digest, "map: its digest is not that of the account's events");
  const key = sha256(utf8(account)); const leaf = entry(key, sha256(utf8(canonical([account, map.number, map.position, map.digest]))));
  const bits = [...key].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  const root = map.siblings.reduceRight((below, sibling, depth) => (bits[depth] === "1" ? branch(sibling, below) : branch(below, sibling)), leaf);
  need(map.siblings.length <= 256 && root === head.map_root, "map: the account's entry does not lie under the head's map_root");
}
/** The account's facts, each with what was said of it later, by the id of its event. */
function foldFacts(events, account) {
  const facts = new Map();
  for (const { id, type, subject, place, causation_id, schema_version, data: text } of events) {
    if (subject !== account) continue;
    need(schema_version === "1", `form: position ${place} has a schema that this checker does not know`); const data = exactJson(text);
    if (FACTS.has(type)) facts.set(id, { type, place, data, first: data, cause: causation_id, seen: new Map(), disputed: new Set(), withdrawn: false });
    const fact = facts.get(type === "FactWithdrawn" ? (data.amends ?? data.event_id) : data.event_id); if (FACTS.has(type) || fact === undefined) continue;
    if (type === "FactSeen") fact.seen.set(id, { ...data.adds, received_at: data.received_at });
    if (type === "FactContradicted") fact.disputed.add(id);
    if (type === "FactCorrected") Object.assign(fact, { data: data.data, cause: causation_id, withdrawn: false });
    if (type !== "FactWithdrawn") continue;
    if (data.amends === undefined) fact.withdrawn = true;
    fact.seen.delete(data.event_id); fact.disputed.delete(data.event_id);
  }
  for (const fact of facts.values()) {
    const copies = [fact.data, ...fact.seen.values()]; const value = (name) => copies.find((copy) => copy[name] !== undefined)?.[name];
    const times = copies.flatMap(({ occurred_at }) => (occurred_at === undefined ? [] : time(occurred_at)));
    const arrived = least([fact.data, ...fact.seen.values()].map(({ received_at }) => time(received_at)));
    const possible = times.filter((one) => one >= 31536000000000000n && one <= arrived + 60000000000n);
    const notBefore = most(copies.flatMap(({ not_before }) => (not_before === undefined ? [] : time(not_before))));
    Object.assign(fact, { value, at: agreed(possible), arrived, notBefore, heldFrom: Math.min(fact.place, Number(fact.data.delivered_at ?? fact.place)) });
  }
  return [...facts.values()];
}
const part = (text) => [...utf8(String(text))].map((byte) => (/[A-Za-z0-9._-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)).join("");
/** What the provider's bytes state of the account: movements, and balances by run. */
function statedIn(bytes, account) {
  const json = exactJson(new TextDecoder().decode(bytes));
  if (account.startsWith("layer1:")) {
    const { timestamp, data } = json; const address = /^0x[0-9a-f]+$/i.test(data.address) ? data.address.toLowerCase() : data.address;
    const own = data.funds.filter(({ type }) => account === `layer1:${part(address)}:${part(data.asset)}:${part(type.toLowerCase())}`);
    return { movements: [], reports: own.map(({ balance, delta }) => ({ key: timestamp, at: timestamp, balance, change: delta })) };
  }
  const said = json.messageType ?? json.message_type ? json.body : json;
  const names = [said.participant_code || said.account_owner, said.account_group, said.account_label, said.account_type || said.account_subtype, said.asset];
  if (`zerohash:${names.map(part).join(":")}` !== account) return { movements: [], reports: [] };
  const run = String(said.run_id);
  const movements = (said.movements ?? []).map(({ movement_id, change, movement_timestamp }) => ({ run, id: String(movement_id), change, at: movement_timestamp }));
  return { movements, reports: [{ key: run, at: said.run_timestamp || said.timestamp, balance: said.balance || said.new_balance }] };
}
const sameTime = (stated, fact) => !given(stated) || fact === undefined || time(stated) === time(fact);
/** Facts against the bytes that brought them, both ways. */
function checkBytes({ account, bodies }, events, facts, sha256, decode) {
  const found = { checked: 0, unseen: 0, operatorOnly: 0, providers: [] };
  const deliveries = new Map(events.filter(({ type }) => type === "DeliveryReceived").map((event) => [event.id, event])); const stating = Map.groupBy(facts, ({ cause }) => cause);
  for (const event of events) {
    need(event.subject === account || event.type === "DeliveryReceived" || event.type === "FeedOpened", `form: position ${event.place} is nothing of this account`);
    if (event.subject === account && event.causation_id !== null) need(deliveries.has(event.causation_id), `left out: the delivery that brought position ${event.place}`);
  }
  const named = new Set(); const moved = new Set(facts.map(({ first }) => first.movement_id));
  const reported = new Set(facts.map(({ type, first }) => String(type === "FundsReported" ? time(first.occurred_at) : first.run_id)));
  for (const [id, event] of deliveries) {
    const data = exactJson(event.data); named.add(data.sha256); const text = bodies[data.sha256] ?? null; const own = stating.get(id) ?? [];
    if (text === null) found.unseen += own.length;
    if (text === null) continue;
    const bytes = decode(text); need(bytes !== null && sha256(bytes) === data.sha256, `bytes: those of the delivery at position ${event.place} are not the ones it names`);
    const { movements, reports } = statedIn(bytes, account);
    for (const { type, place, data: fact, withdrawn } of own) {
      if (withdrawn) continue;
      found.checked += 1;
      const agrees = type === "MovementRecorded"
        ? movements.some((one) => one.id === fact.movement_id && one.run === fact.run_id && equal(one.change, fact.change) && sameTime(one.at, fact.occurred_at))
        : reports.some((one) => sameKey(type, one, fact) && equal(one.balance, fact.balance) && sameTime(one.at, fact.occurred_at) && (type !== "FundsReported" || equal(one.change, fact.change)));
      need(agrees, `bytes: the fact at position ${place} is not what the provider's bytes say`);
    }
    for (const one of movements) need(moved.has(one.id), `left out: movement ${one.id}, which the bytes of position ${event.place} state`);
    for (const one of reports) need(!given(one.balance) || reported.has(String(account.startsWith("layer1:") ? time(one.key) : one.key)), `left out: the balance that the bytes of position ${event.place} state`);
    for (const { scheme, key_id, header, value } of data.verdict.evidence ?? []) {
      if (scheme === "hmac") found.operatorOnly += 1;
      if (scheme === undefined || scheme === "hmac") continue;
      const sent = data.verdict.evidence.find((one) => one.header === "x-zh-hook-timestamp")?.value ?? "";
      found.providers.push({ place: event.place, scheme, key_id, value, signed: header === "x-zh-hook-rsa-signature" ? joined(bytes, utf8(sent)) : bytes });
    }
  }
  for (const digest of Object.keys(bodies)) need(named.has(digest), "bytes: there are some that no delivery names");
  return found;
}
const sameKey = (type, one, fact) => (type === "FundsReported" ? time(one.key) === time(fact.occurred_at) : one.key === fact.run_id);
const counterOf = (key) => (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(key) ? String(time(key)).padStart(20, "0") : String(key.length).padStart(4, "0") + (/^[\x21-\x7e]*$/.test(key) ? key : encodeURIComponent(key)));
/** The entries that the facts make, each with its change, balance and time. */
function entriesOf(facts) {
  const entries = new Map();
  for (const fact of facts) {
    const run = fact.type === "FundsReported" ? fact.value("occurred_at") : fact.type === "MovementRecorded" ? fact.data.run_id : fact.value("run_id");
    const place = fact.value("place"); const id = run === undefined ? `snapshot:${place.connection}:${place.frame}` : `run:${run}`;
    const entry = entries.get(id) ?? { id, run, connection: place?.connection, facts: [], moves: [], report: null }; entries.set(id, entry);
    entry.facts.push(fact); if (fact.withdrawn) continue; if (fact.type === "MovementRecorded") entry.moves.push(fact);
    else entry.report = fact;
  }
  for (const [id, entry] of entries) {
    const { run, moves, report } = entry; if (moves.length === 0 && report === null) entries.delete(id); const [balance, delta] = [report?.value("balance"), report?.value("change")];
    entry.balance = given(balance) ? amount(balance) : null; const sum = moves.map((one) => amount(one.value("change"))).reduce((a, b) => plus(a, b), { n: 0n, scale: 0 });
    entry.change = run === undefined || moves.length > 0 ? sum : given(delta) ? amount(delta) : null; const own = most(moves.flatMap(({ at }) => at ?? [])) ?? report?.at ?? null;
    const notBefore = report?.notBefore ?? null; entry.at = notBefore !== null && (own === null || notBefore > own) ? notBefore : own;
    entry.arrived = report?.arrived; entry.heldFrom = Math.min(...entry.facts.map(({ heldFrom }) => heldFrom)); entry.counter = run === undefined ? "" : counterOf(run);
    entry.isEdge = run !== undefined && entry.balance !== null && entry.change !== null;
    entry.before = entry.isEdge || run === undefined ? entry.balance && minus(entry.balance, entry.change) : null;
  }
  return entries;
}
/** Before + change = after for each entry in the stated order, and each gap. */
function checkArithmetic(proof, facts, events) {
  const made = entriesOf(facts); const layer1 = proof.account.startsWith("layer1:");
  const same = (a, b) => {
    const [x, y, scale] = aligned(minus(a, b), { n: layer1 ? 1n : 0n, scale: 18 }); return scale >= 0 && (x < 0n ? -x : x) <= y;
  };
  const after = (stood, { balance, change }) => balance ?? (stood && change ? plus(stood, change) : stood); const entries = [];
  let [stood, held] = [null, null];
  for (const [at, stated] of proof.entries.entries()) {
    fields(stated, ["id", "before", "change", "after", "missing", "opening"], "an entry"); const entry = made.get(stated.id) ?? wrong(`arithmetic: ${stated.id} follows from no fact`);
    need(!entries.includes(entry), `arithmetic: ${stated.id} stands there twice`); const isRun = entry.run !== undefined;
    const missing = stood === null || entry.before === null || same(stood, entry.before) ? null : minus(entry.before, stood);
    const opening = at === 0 && isRun && entry.before !== null && entry.before.n !== 0n ? entry.before : null; const next = after(stood, entry);
    const expected = { id: stated.id, before: printed(stood), change: printed(entry.change), after: printed(next), missing: printed(missing), opening: printed(opening) };
    for (const name of Object.keys(expected)) need(stated[name] === expected[name], `arithmetic: ${name} of ${stated.id} is ${expected[name]}, and ${stated[name]} is stated`);
    stood = next; if (isRun) held = after(held, entry); entries.push(Object.assign(entry, { held: isRun ? held : next, order: at }));
  }
  checkSnapshots(proof, made, entries, events, same);
  for (const [id, { run, order }] of made) need(order !== undefined || run === undefined, `left out: ${id} is not among the entries`);
  need(proof.balance === printed(stood), `arithmetic: the balance is ${printed(stood)}, and ${proof.balance} is stated`);
  checkOrder(entries.filter(({ isEdge, at }) => isEdge && at !== null));
}
/** What both clocks of the provider agree on stands so: the printed time, and the counter of runs. */
function checkOrder(entries) {
  let latest = null;
  entries.forEach((entry, at) => {
    const bad = (other) => wrong(`order: ${other.id} stands before ${entry.id}, and both clocks say otherwise`); if (latest !== null && latest.at - entry.at > 20000000n) bad(latest);
    for (const other of entries.slice(Math.max(0, at - 256), latest !== null && latest.at > entry.at ? at : 0)) { if (other.at > entry.at && other.counter > entry.counter) bad(other); }
    if (latest === null || entry.at > latest.at) latest = entry;
  });
}
/** Each snapshot's statement stands as an entry, or equals what the account had then. */
function checkSnapshots({ snapshots }, made, entries, events, same) {
  const opened = new Map(events.filter(({ type }) => type === "FeedOpened").map((event) => [exactJson(event.data).connection, event.place]));
  const stated = new Map(snapshots.map((one) => [`snapshot:${one.connection}:${one.frame}`, one.confirmed_by]));
  need(stated.size === snapshots.length, "arithmetic: a snapshot stands there twice");
  for (const id of stated.keys()) need(made.has(id), `arithmetic: ${id} follows from no fact`);
  for (const [id, snapshot] of made) {
    if (snapshot.run !== undefined) continue;
    const by = stated.get(id) ?? wrong(`left out: ${id} is not among the snapshots`); const openedAt = opened.get(snapshot.connection) ?? snapshot.facts[0].place;
    const earlier = (one) => one.run !== undefined || one.arrived < snapshot.arrived;
    const sure = entries.findLast((one) => one !== snapshot && earlier(one) && one.heldFrom < openedAt);
    const equals = (value) => snapshot.balance === null || (value !== null && value !== undefined && same(value, snapshot.balance));
    need((by === "") === (snapshot.order !== undefined), `arithmetic: ${id} stands as an entry, or is confirmed by one`);
    if (by === "") need(!equals(sure?.held), `arithmetic: ${id} stands although it only confirms`);
    else if (by === "=") need(equals(sure?.held), `arithmetic: ${id} is not what the account held then`);
    else {
      const one = entries.find((entry) => entry.id === by) ?? wrong(`arithmetic: ${by}, which is said to confirm ${id}, is no entry`);
      need(one.order > (sure?.order ?? -1) && (equals(one.before) || equals(one.held)), `arithmetic: ${by} does not confirm ${id}`);
    }
  }
}
/** Whether who brought these keys and heads can rely on the head. @returns what is left open; none: it holds */
function trustOf({ head, proof }, keys, heads, links) {
  const trusted = new Set([...keys, ...heads.map(({ public_key }) => public_key)]); const rotations = proof?.rotations ?? [];
  for (const { old_key, new_key } of [...rotations, ...rotations.toReversed()]) { if (trusted.has(old_key) || trusted.has(new_key)) trusted.add(old_key).add(new_key); }
  for (const { position, old_key } of rotations) { need(head.public_key !== old_key || Number(head.position) < Number(position), "head: it is signed by a key that had been replaced"); }
  const open = [];
  for (const one of heads) {
    need(one.ledger === head.ledger && one.genesis === head.genesis, `head: the one over ${one.position} that you brought is of another ledger`);
    if (one.position === head.position) need(["hash", "root", "map_root"].every((name) => one[name] === head[name]), `head: two heads over position ${one.position} say different things`);
    else if (!links(one)) open.push(`nothing here shows that it goes on from your head over ${one.position}`);
  }
  if (keys.length + heads.length === 0) open.push("you brought no key and no head");
  else {
    need(trusted.has(head.public_key), `head: it is signed by key ${head.key_id}, which is none of those that you brought`);
    need(proof === undefined || trusted.has(proof.public_key), "seal: the proof is signed by a key that is none of those that you brought");
  }
  return open;
}
/** Of a proof. */
const linksOf = (proof) => (one) => {
  const link = proof.consistency.find(({ tree_size }) => tree_size === one.tree_size); if (link === undefined) return false;
  return link.root === one.root || wrong(`head: the one over ${one.position} that you brought is not what came before: the ledger was altered`);
};
// ---- to here ----
class Usage extends Error {}
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const decode = (text) => (/^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, "base64") : null);
function isSigned({ key, text, signature }) {
  const spki = Buffer.from(`302a300506032b6570032100${key}`, "hex");
  try {
    return /^[0-9a-f]{128}$/.test(signature) && verify(null, Buffer.from(text), createPublicKey({ key: spki, format: "der", type: "spki" }), Buffer.from(signature, "hex"));
  } catch { return false; }
}
/** The provider's signature over a delivery, where its key is here: RSA in hex, ECDSA in base64. */
function isProviders({ scheme, signed, value }, key) {
  if (scheme === "ecdsa_secp256k1") return verify("sha256", signed, { key, dsaEncoding: "der" }, Buffer.from(value, "base64"));
  const padding = scheme === "rsa_pss" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO } : { padding: constants.RSA_PKCS1_PADDING };
  return verify("sha256", signed, { key, ...padding }, Buffer.from(value, "hex"));
}
function checkProofFile(bytes, { keys, heads, providers }) {
  const text = bytes.toString("utf8"); need(bytes.equals(Buffer.from(text)), "form: it is no UTF-8");
  const { proof, signatures, checked, unseen, operatorOnly, providers: signed } = checkProof(text, sha256, decode);
  for (const one of signatures) need(isSigned(one), one.why);
  const open = trustOf({ head: proof.head, proof }, keys, heads, linksOf(proof)); let [verified, unknown] = [0, 0];
  for (const one of signed) {
    const key = providers.get(one.key_id); if (key === undefined) unknown += 1;
    else verified += need(isProviders(one, key), `bytes: the provider's signature of the delivery at position ${one.place} does not hold`) ? 1 : 0;
  }
  const said = [`${proof.account} holds ${proof.balance ?? "nothing that is known"} after position ${proof.head.position} of ledger ${proof.head.ledger}, signed ${proof.head.signed_at}`];
  said.push(`${proof.map.number} events, and these are all; ${checked} facts are what the provider's bytes say, ${unseen} have no bytes here`);
  if (verified > 0) said.push(`${verified} of the provider's signatures hold`);
  if (unknown > 0) said.push(`${unknown} of the provider's signatures were not checked: bring its public key with --key`);
  if (operatorOnly > 0) said.push(`${operatorOnly} deliveries have an HMAC signature: vouched for by the operator only, who holds the secret too`);
  const gaps = proof.entries.filter(({ missing }) => missing !== null).length; if (gaps > 0) said.push(`${gaps} gaps are open: something is missing there`);
  return { said, open };
}
/** What the auditor brings: keys of heads (64 hex digits), the provider's public keys, heads. */
function readBrought(args) {
  const brought = { keys: [], heads: [], providers: new Map(), file: null };
  for (const rest = [...args]; rest.length > 0; ) {
    const one = rest.shift(); if (one === "--head" && rest.length > 0) brought.heads.push(readHead(rest.shift()));
    else if (one === "--key" && rest.length > 0) readKey(rest.shift(), brought);
    else if (one.startsWith("--") || brought.file !== null) throw new Usage(`${one}: expected one file, --key FILE or --head FILE`);
    else brought.file = one;
  }
  if (brought.file !== null) return brought;
  throw new Usage("usage: node check.mjs proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...");
}
function readHead(file) {
  try {
    const head = JSON.parse(readFileSync(file, "utf8")); checkHead(head, sha256); need(isSigned(headSignature(head)), "its signature does not hold"); return head;
  } catch (error) { throw new Usage(`${file} is no signed head: ${error.message}`); }
}
function readKey(given, { keys, providers }) {
  try {
    const text = HEX.test(given) ? given : readFileSync(given, "utf8").trim(); if (HEX.test(text)) return keys.push(text);
    const key = createPublicKey(text.includes("BEGIN") ? text : { key: Buffer.from(text, "base64"), format: "der", type: "spki" });
    return providers.set(sha256(key.export({ type: "spki", format: "der" })), key);
  } catch (error) { throw new Usage(`--key ${given}: expected 64 lower-case hex digits, or a provider's public key as PEM or base64: ${error.message}`); }
}
function startOf(file) {
  const [descriptor, start] = [openSync(file, "r"), Buffer.alloc(32)]; readSync(descriptor, start, 0, 32, 0); closeSync(descriptor); return start.toString();
}
/** @returns the exit code, and what to say */
export async function check(args) {
  if (JSON.rawJSON === undefined) return [2, [`expected Node 22 or newer, which reads every digit of a number; this is ${process.version}`]];
  try {
    const brought = readBrought(args); const isExport = startOf(brought.file) === '{"format":"counterfoil-export/1"';
    const { said, open } = isExport ? await (await import("./check-export.mjs")).checkExport(brought.file, brought) : checkProofFile(readFileSync(brought.file), brought);
    return open.length === 0 ? [0, ["it holds", ...said]] : [3, ["consistent, signer not checked", ...said, ...open]];
  } catch (error) {
    if (error instanceof Usage || error.syscall !== undefined) return [2, [error.message]];
    return [1, [`it does not hold: ${error instanceof Wrong ? "" : "form: "}${error.message}`]];
  }
}
export { checkHead, eventHash, hashesOf, headSignature, isSigned, need, sha256, trustOf, wrong };
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  check(process.argv.slice(2)).then(([code, lines]) => {
    (code === 1 || code === 2 ? console.error : console.log)(lines.join("\n")); process.exitCode = code;
  });
}
