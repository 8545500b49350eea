#!/usr/bin/env python3
"""Checks a balance proof or an export of a Counterfoil ledger with Python's standard library alone.

    python3 check.py proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...

To see what is checked, begin with check_proof, which lists the steps in order; their functions are
below. Written from docs/stream-format.md and docs/domain-rules.md, not from check.mjs, so that two independent
programs have to agree. Exit codes: 0 if it is valid against a given key or head, 1 if something
is wrong, 2 if the command line is wrong, 3 if it is consistent, but nothing given shows who
signed it.
"""

import base64
import collections
import datetime
import decimal
import functools
import hashlib
import json
import re
import sys
import urllib.parse

decimal.getcontext().prec = 3000
decimal.getcontext().Emax = 10**9
decimal.getcontext().Emin = -(10**9)
Decimal = decimal.Decimal


class Wrong(Exception):
    """The check failed."""


class Usage(Exception):
    """The command line, or a given key or head, is invalid."""


def need(holds, why):
    if not holds:
        raise Wrong(why)


# --- A balance proof: all steps, and steps 1, 3, 4, 5 ---------------------------------------------


FORMAT = "counterfoil/balance-proof/v1"


def check_proof(text, brought):
    """Every step of the check, in this order. Each raises Wrong with the first reason."""
    # 1. The text has its canonical form, so that any altered byte is detected.
    proof = read_form(text)
    # 2. The head is well formed: it describes the ledger by a root over all events and one over all
    #    subjects.
    check_head(proof["head"])
    # 3. Every event here is at its position under the head's root: none was altered or invented.
    hashes = check_inclusion(proof)
    # 4. These are all events of the account: their number and digest are under the head's other root.
    mine = [(event, hash) for event, hash in zip(proof["events"], hashes) if event["subject"] == proof["account"]]
    check_map(proof, [event for event, _ in mine], [hash for _, hash in mine])
    # 5. The head extends earlier heads, so that a holder of one of those can rely on it.
    check_earlier_heads(proof)
    # 6. The account's facts, with the amendments of each.
    facts = facts_of([event for event, _ in mine])
    # 7. The facts equal what the provider's bytes state, and nothing in these is left out.
    count = check_bytes(proof, proof["events"], facts)
    # 8. Before + change = after, entry by entry, up to the balance.
    check_arithmetic(proof, facts, proof["events"])
    # 9. The head, each rotation of its key, and the proof as a whole, are signed.
    check_seal(proof)
    # 10. What remains unproven about the signer, with the given keys and heads; the providers' signatures.
    left = trust(proof["head"], proof, proof["rotations"], brought)
    return words_for(proof, count, check_providers(count, brought.providers)), left


def read_form(text):
    try:
        proof = parsed(text)
    except (ValueError, RecursionError):
        raise Wrong("form: proof: expected JSON")
    need_shape(proof, PROOF, "form: proof")
    need(canonical(proof) == text, "form: it is not in the RFC 8785 form: a byte was altered")
    need(proof["format"] == FORMAT, f"form: proof.format: expected {FORMAT}")
    return proof


def check_inclusion(proof):
    """Returns the hashes of the events, computed from their contents."""
    head, events = proof["head"], proof["events"]
    size = int(head["tree_size"])
    hashes = [event_hash(event["before"], event) for event in events]
    places = [int(event["position"]) for event in events]
    need(all(a < b for a, b in zip(places, places[1:])), "form: events are not in order")
    need(all(place <= size for place in places), "inclusion: an event lies beyond the head")
    path = collections.deque(proof["tree"])
    known = [(place - 1, leaf(one)) for place, one in zip(places, hashes)]
    root = root_with(known, 0, size, path)
    need(not path, "inclusion: the path is too long")
    need(root == head["root"], "inclusion: the events do not lie under the head's root: an event, its place or the path was altered")
    return hashes


def check_map(proof, mine, hashes):
    """The map has for each subject the number of its events, the last one's position, and a digest of all of them."""
    entry, account = proof["map"], proof["account"]
    need(entry["number"] == str(len(mine)), f"left out: the map says that the account has {counted(entry['number'], 'event', 'events')}, and {counted(len(mine), 'is', 'are')} here")
    need(mine and entry["position"] == mine[-1]["position"], "left out: the account's last event is not the map's")
    digest = EMPTY
    for one in hashes:
        digest = sha256(raw(digest), raw(one))
    need(digest == entry["digest"], "map: its digest is not that of the account's events")
    why = "map: the account's entry does not lie under the head's map_root"
    need(len(entry["siblings"]) <= 256, why)
    key = sha256(utf8(account))
    root = map_leaf(key, entry_of(account, entry["number"], entry["position"], digest))
    for depth in reversed(range(len(entry["siblings"]))):
        pair = (root, entry["siblings"][depth])
        root = map_node(*(reversed(pair) if bit_of(key, depth) else pair))
    need(root == proof["head"]["map_root"], why)


def check_earlier_heads(proof):
    head = proof["head"]
    for one in proof["consistency"]:
        good = goes_on(int(one["tree_size"]), one["root"], int(head["tree_size"]), head["root"], one["proof"])
        need(good, f"consistency: the head does not go on from the one over {one['tree_size']}")


def words_for(proof, count, verified):
    head = proof["head"]
    balance = "nothing that is known" if proof["balance"] is None else proof["balance"]
    unknown = len(count["signatures"]) - verified
    said = [f"{proof['account']} holds {balance} after position {head['position']} of ledger {head['ledger']}, signed {head['signed_at']}"]
    said.append(f"{counted(proof['map']['number'], 'event', 'events')}, and these are all; {counted(count['checked'], 'fact is', 'facts are')} what the provider's bytes say, {counted(count['unseen'], 'has', 'have')} no bytes here")
    if verified:
        said.append(counted(verified, "of the provider's signatures holds", "of the provider's signatures hold"))
    if unknown:
        said.append(counted(unknown, "of the provider's signatures was", "of the provider's signatures were") + " not checked: bring its public key with --key")
    if count["operator only"]:
        said.append(f"{counted(count['operator only'], 'delivery has', 'deliveries have')} an HMAC signature: vouched for by the operator only, who holds the secret too")
    if count["withdrawn"]:
        said.append(counted(count["withdrawn"], "fact without bytes here was withdrawn", "facts without bytes here were withdrawn"))
    said += count["still"]
    gaps = sum(1 for one in proof["entries"] if one["missing"] is not None)
    if gaps:
        said.append(f"{counted(gaps, 'gap is', 'gaps are')} open: something is missing there")
    return said


def counted(count, one, many):
    return f"{count} {one if int(count) == 1 else many}"


# --- Steps 2, 9 and 10: the head, signatures, and trust -------------------------------------------


def check_head(head):
    need_shape(head, HEAD, "form: head")
    need(head["tree_size"] == head["position"], "head: tree_size is not its position")
    need(sha256(raw(head["public_key"])) == head["key_id"], "head: key_id is not that of its public_key")


def is_head_signed(head):
    said = {name: value for name, value in head.items() if name != "signature"}
    return is_signed(head["public_key"], "counterfoil/head/v1\n" + canonical(said), head["signature"])


def is_rotation_signed(one, ledger, genesis):
    """The old and the new key sign that the one succeeds the other."""
    said = {"genesis": genesis, "ledger": ledger, "new_key": one["new_key"], "old_key": one["old_key"]}
    text = "counterfoil/head-key/v1\n" + canonical(said)
    return is_signed(one["old_key"], text, one["old_signature"]) and is_signed(one["new_key"], text, one["new_signature"])


def check_seal(proof):
    head = proof["head"]
    need(is_head_signed(head), "head: its signature does not hold")
    for one in proof["rotations"]:
        need(is_rotation_signed(one, head["ledger"], head["genesis"]), "head: a rotation of its key is not signed by both keys")
    said = {name: value for name, value in proof.items() if name != "signature"}
    good = is_signed(proof["public_key"], f"{FORMAT}\n{canonical(said)}", proof["signature"])
    need(good, "seal: the proof's own signature does not hold: a byte was altered")


def replaced_keys(rotations):
    """The position at which each key was replaced: it signs nothing from there on."""
    ends = {}
    for one in rotations:
        ends[one["old_key"]] = int(one["position"])
        ends.pop(one["new_key"], None)
    return ends


def check_keys_in_time(heads, rotations):
    ends = replaced_keys(rotations)
    for one in heads:
        end, place = ends.get(one["public_key"]), one["position"]
        need(end is None or int(place) < end, f"head: the one over {place} is signed by a key that was replaced at position {end}: ask for one of the present key")


def trust(head, proof, rotations, brought):
    """What remains unproven about the head's signer, with the given keys and heads."""
    check_keys_in_time([head, *brought.heads], rotations)
    end = replaced_keys(rotations).get(proof["public_key"]) if proof else None
    need(end is None, f"seal: the proof is signed by a key that was replaced at position {end}: ask for one of the present key")
    left = []
    links = {one["tree_size"]: one["root"] for one in reversed(proof["consistency"])} if proof else {}
    for one in brought.heads:
        place = one["position"]
        need((one["ledger"], one["genesis"]) == (head["ledger"], head["genesis"]), f"head: the one over {place} that you brought is of another ledger")
        if place == head["position"]:
            good = all(one[name] == head[name] for name in ("hash", "root", "map_root"))
            need(good, f"head: two heads over position {place} say different things")
        elif place in links:
            need(links[place] == one["root"], f"head: the one over {place} that you brought is not what came before: the ledger was altered")
        else:
            left.append(f"nothing here shows that it goes on from your head over {place}")
    trusted = set(brought.keys) | {one["public_key"] for one in brought.heads}
    if not trusted:
        return ["you brought no key and no head"]
    for one in [*rotations, *reversed(rotations)]:
        if {one["old_key"], one["new_key"]} & trusted:
            trusted |= {one["old_key"], one["new_key"]}
    need(head["public_key"] in trusted, f"head: it is signed by key {head['key_id']}, which is none of those that you brought")
    need(proof is None or proof["public_key"] in trusted, "seal: the proof is signed by a key that is none of those that you brought")
    return left


# --- Step 6: facts (docs/domain-rules.md) ---------------------------------------------------------


FACTS = ("MovementRecorded", "BalanceReported", "FundsReported")
AMENDMENTS = ("FactSeen", "FactContradicted", "FactCorrected", "FactWithdrawn")


class Fact:
    """One statement of the provider; later events add the contents of copies, correct it or withdraw it."""

    def __init__(self, event, data):
        self.type, self.place, self.cause = event["type"], int(event["position"]), event["causation_id"]
        self.first = self.data = data
        # What other copies add, as Copy, by the id of the event that records it.
        self.seen = {}
        self.withdrawn = False
        # What it stated before an event withdrew or corrected it: data, how, and that event's position.
        self.former = []

    def copies(self):
        return [self.data, *(copy.content for copy in self.seen.values())]

    def value(self, name):
        return next((copy[name] for copy in self.copies() if name in copy), None)

    def arrived(self):
        return min(nanos(copy["received_at"]) for copy in self.copies())

    def at(self):
        """Its time; impossible times are ignored."""
        latest = self.arrived() + 60 * 10**9
        times = [nanos(copy["occurred_at"]) for copy in self.copies() if "occurred_at" in copy]
        return agreed([one for one in times if 31536000 * 10**9 <= one <= latest])

    def held_from(self):
        """The position from which the stream contained it, even if it was translated later."""
        return min(self.place, int(self.data.get("delivered_at", self.place)))


    def key(self):
        """By what models find the fact, to amend it."""
        names = {"MovementRecorded": ["account", "movement_id"], "FundsReported": ["account", "occurred_at"]}
        mine = names.get(self.type) or (["account", "run_id"] if "run_id" in self.first else ["account"])
        place = self.first.get("place", {}) if self.type == "BalanceReported" and "run_id" not in self.first else {}
        return {**{name: self.first[name] for name in mine}, **place}


Copy = collections.namedtuple("Copy", "fact content adds cause place")


def check_owner(stated, event):
    """Models take the account from a fact's data, and the map that proves completeness from its subject."""
    subject = event["subject"]
    mine = stated.get("account") == subject and stated.get("provider") == subject.split(":")[0]
    need(mine, f"facts: the one at position {event['position']} is of another account than its subject")


def facts_of(events):
    facts = {}
    for event in events:
        need(event["schema_version"] == "1", f"form: position {event['position']} has a schema that this checker does not know")
        data, kind = data_of(event), event["type"]
        if kind in FACTS:
            check_owner(data, event)
            facts[event["id"]] = Fact(event, data)
            continue
        if kind == "FactCorrected":
            check_owner(data["data"], event)
        if kind not in AMENDMENTS:
            continue
        fact = facts.get(data.get("amends", data["event_id"]) if kind == "FactWithdrawn" else data["event_id"])
        place = event["position"]
        need(fact is not None, f"left out: the fact that position {place} amends")
        named = data["event_type"] == fact.type and all(data["key"].get(name) == value for name, value in fact.key().items())
        need(named, f"facts: position {place} amends the one at position {fact.place}, and names another")
        if kind == "FactSeen":
            adds = data["adds"]
            need("place" not in adds and "run_id" not in adds, f"facts: position {place} adds what makes the fact another")
            # Old ledgers got the order of their sockets later, by events that no delivery brought.
            brought = event["causation_id"] is not None or not set(adds) - {"follows", "not_before"}
            need(brought, f"left out: the delivery that brought position {place}")
            content = {**adds, "received_at": data["received_at"]}
            fact.seen[event["id"]] = Copy(fact, content, adds, event["causation_id"], place)
        elif kind == "FactCorrected":
            fact.former.append((fact, fact.data, "corrected", event["position"]))
            fact.data, fact.cause, fact.withdrawn = data["data"], event["causation_id"], False
        elif kind == "FactWithdrawn" and "amends" in data:
            fact.seen.pop(data["event_id"], None)
        elif kind == "FactWithdrawn":
            fact.former.append((fact, fact.data, "withdrawn", event["position"]))
            fact.withdrawn = True
    return list(facts.values())


# --- Step 7: the provider's bytes (docs/provider-facts.md) ----------------------------------------


def part(text):
    return urllib.parse.quote(str(text), safe="").replace("~", "%7E")


Said = collections.namedtuple("Said", "run id at amount change data")

REFERENCES = (
    "deposit_reference_id", "withdrawal_request_id", "trade_id", "transfer_request_id", "transfer_type",
    "client_transfer_id", "parent_link_id", "order_id", "origin",
)


def first_given(*values):
    return next((one for one in values if given(one)), None)


def expected_of(kind, funds):
    """The balance on the chain is what is available and what is reserved."""
    parts = [next((fund.get("balance") for fund in funds if fund["type"].upper() == name), None) for name in ("AVAILABLE", "RESERVED")]
    if kind.upper() != "BLOCKCHAIN" or not all(map(is_amount, parts)):
        return None
    return printed(sum(map(Decimal, parts)))


def said_in(body, account):
    """What the provider's bytes state about the account: movements, and balances."""
    message = exact(body.decode("utf-8"))
    if account.startswith("layer1:"):
        need_shape(message, {"*": "any", "data": LAYER1}, "")
        data, at = message["data"], message.get("timestamp")
        address = data["address"]
        address = address.lower() if re.fullmatch(r"0[xX][0-9a-fA-F]+", address) else address
        mine = [
            fund for fund in data["funds"]
            if account == f"layer1:{part(address)}:{part(data['asset'])}:{part(fund['type'].lower())}"
        ]
        reports = []
        for fund in mine:
            stated = {"reference": data.get("reference"), "balance": fund.get("balance"), "change": fund.get("delta")}
            stated.update(expected_balance=expected_of(fund["type"], data["funds"]), occurred_at=at)
            reports.append(Said(at, None, at, fund.get("balance"), fund.get("delta"), stated))
        return [], reports
    kind = message.get("messageType")
    if message.get("message_type") if kind is None else kind:
        message = message["body"]
    need_shape(message, {"*": "any"}, "")
    names = [message.get("participant_code") or message.get("account_owner"), message.get("account_group")]
    names += [message.get("account_label"), message.get("account_type") or message.get("account_subtype"), message.get("asset")]
    if "zerohash:" + ":".join(map(part, names)) != account:
        return [], []
    run, movements = message.get("run_id"), [] if message.get("movements") is None else message["movements"]
    need_shape({"moves": movements, "run": run}, {"moves": [fields("movement_id:text *:any")], "run": "text"}, "")
    of_run, moves = {"run_id": run, "run_type": message.get("run_type")}, []
    for one in movements:
        at = one.get("movement_timestamp")
        stated = {name: one.get(name) for name in (*REFERENCES, "movement_id", "movement_type", "change")}
        # What a movement does not state itself, its message states.
        shared = {name: first_given(one.get(name), message.get(name)) for name in ("account_id", "client_transfer_id")}
        moves.append(Said(run, one["movement_id"], at, one.get("change"), None, {**stated, **shared, **of_run, "occurred_at": at}))
    at = message.get("run_timestamp") or message.get("timestamp")
    balance = message.get("balance") or message.get("new_balance")
    owner = first_given(message.get("account_id"), *(one.get("account_id") for one in movements))
    return moves, [Said(run, None, at, balance, None, {**of_run, "account_id": owner, "balance": balance, "occurred_at": at})]


def same_time(said, fact):
    return not given(said) or fact is None or nanos(said) == nanos(fact)


def is_run(said, kind, data):
    if kind == "FundsReported":
        return nanos(said.run) == nanos(data["occurred_at"])
    return "run_id" in data and said.run == data["run_id"]


def is_same(one, kind, data):
    """Whether bytes state there the same as a fact's data."""
    if kind == "MovementRecorded":
        return (
            one.id == data["movement_id"] and one.run == data["run_id"]
            and same_amount(one.amount, data.get("change")) and same_time(one.at, data.get("occurred_at"))
        )
    return (
        is_run(one, kind, data) and same_amount(one.amount, data.get("balance"))
        and same_time(one.at, data.get("occurred_at"))
        and (kind != "FundsReported" or same_amount(one.change, data.get("change")))
    )


AMOUNTS = ("balance", "change", "expected_balance")
# The fields of facts that bytes state. All of them are compared, since one that is not stated has to be missing.
STATED = (
    "account_id", "movement_id", "movement_type", "reference", "run_id", "run_type", "occurred_at", *AMOUNTS, *REFERENCES,
)


def same_field(name, stated, fact):
    if name in AMOUNTS:
        return same_amount(stated, fact.get(name))
    if not given(stated):
        return name not in fact
    if name == "occurred_at":
        return name in fact and nanos(stated) == nanos(fact[name])
    return isinstance(stated, str) and stated == fact.get(name)


def is_said(fact, moves, reports):
    """Whether the bytes of a fact's delivery state all that the fact states, and nothing that it lacks."""
    return any(
        all(same_field(name, one.data.get(name), fact.data) for name in STATED)
        for one in (moves if fact.type == "MovementRecorded" else reports)
    )


def is_added(copy, moves, reports):
    """Whether a copy's bytes state, of the same movement or report, what the copy adds to the fact."""
    kind, first = copy.fact.type, copy.fact.first
    of_fact = [
        one for one in (moves if kind == "MovementRecorded" else reports)
        if (one.id == first["movement_id"] if kind == "MovementRecorded" else is_run(one, kind, first))
    ]
    return any(all(same_field(name, one.data.get(name), copy.adds) for name in STATED if name in copy.adds) for one in of_fact)


def check_arrival(facts, copies, event, delivery):
    """Compares when and where facts arrived with their delivery."""
    arrived = nanos(delivery.get("received_at"))
    at = delivery.get("connection"), delivery.get("frame")
    for fact in facts:
        data = fact.data
        place = data.get("place", {})
        # Only a report of the feed states its place.
        stated = (place.get("connection"), place.get("frame")) == at if fact.type == "BalanceReported" else "place" not in data
        good = (
            data["provider"] == delivery.get("provider") and nanos(data["received_at"]) == arrived
            and data.get("delivered_at", event["position"]) == event["position"] and stated
        )
        need(fact.withdrawn or good, f"facts: the one at position {fact.place} did not arrive as it says with the delivery at position {event['position']}")
    for copy in copies:
        need(nanos(copy.content["received_at"]) == arrived, f"facts: the one at position {copy.place} did not arrive as it says with the delivery at position {event['position']}")


class Known:
    """The subjects of the facts, computed once: a proof may have ten thousand."""

    def __init__(self, facts):
        self.by_cause, self.copies = collections.defaultdict(list), collections.defaultdict(list)
        for fact in facts:
            self.by_cause[fact.cause].append(fact)
            # What copies add to a withdrawn fact is skipped with it.
            for copy in [] if fact.withdrawn else fact.seen.values():
                self.copies[copy.cause].append(copy)
        self.movements = {fact.first.get("movement_id") for fact in facts}
        self.runs = {fact.first.get("run_id") for fact in facts if fact.type == "BalanceReported"}
        self.times = {nanos(fact.first["occurred_at"]) for fact in facts if fact.type == "FundsReported"}
        # What events withdrew or corrected, by the subject in bytes.
        self.former, self.told = collections.defaultdict(list), set()
        for was in (was for fact in facts for was in fact.former):
            self.former[subject_of(was[0].type, was[1])].append(was)

    def has_report(self, one):
        return one.run in self.runs or bool(self.times) and nanos(one.run) in self.times


def subject_of(kind, data):
    if kind == "MovementRecorded":
        return "movement", data["movement_id"]
    return "report", nanos(data["occurred_at"]) if kind == "FundsReported" else data.get("run_id")


def check_bytes(proof, events, facts):
    """Compares facts with the bytes of their deliveries, in both directions. Deliveries without bytes here are skipped."""
    bodies, known = proof["bodies"], Known(facts)
    count, named = {"checked": 0, "unseen": 0, "still": [], "withdrawn": 0, "operator only": 0, "signatures": []}, set()
    for id, event in deliveries_in(events, proof["account"]).items():
        data, place = data_of(event), event["position"]
        named.add(data["sha256"])
        check_arrival(known.by_cause.get(id, []), known.copies.get(id, []), event, data)
        text = bodies.get(data["sha256"])
        if text is None:
            count["unseen"] += len(known.by_cause.get(id, []))
            count["withdrawn"] += sum(fact.withdrawn for fact in known.by_cause.get(id, []))
            continue
        body = base64.b64decode(text)
        need(sha256(body) == data["sha256"] and str(len(body)) == data.get("length"), f"bytes: those of the delivery at position {place} are not the ones it names")
        try:
            moves, reports = said_in(body, proof["account"])
        except (Wrong, *MALFORMED):
            raise Wrong(f"form: bytes of position {place}: expected a provider's message about an account")
        for fact in known.by_cause.get(id, []):
            # Withdrawn facts are skipped, because bytes no longer support them.
            if not fact.withdrawn:
                count["checked"] += 1
                need(is_said(fact, moves, reports), f"bytes: the fact at position {fact.place} is not what the provider's bytes say")
        for copy in known.copies.get(id, []):
            need(is_added(copy, moves, reports), f"bytes: what position {copy.place} adds is not what the provider's bytes say")
        check_nothing_left_out(moves, reports, known, place)
        if known.former:
            keys = [("movement", one.id) for one in moves]
            keys += [("report", nanos(one.run) if proof["account"].startswith("layer1:") else one.run) for one in reports]
            count["still"] += still_stated(zip(keys, [*moves, *reports]), known, place)
        add_signatures(data["verdict"].get("evidence", []), body, place, count)
    need(set(bodies) <= named, "bytes: there are some that no delivery names")
    return count


def deliveries_in(events, account):
    """The deliveries by id. The delivery of each event of the account has to be present."""
    deliveries = {event["id"]: event for event in events if event["type"] == "DeliveryReceived"}
    for event in events:
        mine = event["subject"] == account
        need(mine or event["type"] in ("DeliveryReceived", "FeedOpened"), f"form: position {event['position']} is nothing of this account")
        order = event["type"] == "FactSeen" and event["causation_id"] is None
        need(not mine or order or event["causation_id"] in deliveries, f"left out: the delivery that brought position {event['position']}")
    return deliveries


def check_nothing_left_out(moves, reports, known, place):
    for one in moves:
        need(one.id in known.movements, f"left out: movement {one.id}, which the bytes of position {place} state")
    for one in reports:
        need(not given(one.amount) or known.has_report(one), f"left out: the balance that the bytes of position {place} state")


# What a fact decides: amounts, and its place.
DECISIVE = ("balance", "change", "not_before", "occurred_at", "run_id")


def still_stated(stated, known, place):
    """In words, what bytes state although it was withdrawn, or corrected to something else."""
    words = []
    for subject, one in stated:
        for was in known.former.get(subject, []):
            fact, data, how, by = was
            gone = fact.withdrawn if how == "withdrawn" else any(data.get(name) != fact.data.get(name) for name in DECISIVE)
            if gone and id(was) not in known.told and is_same(one, fact.type, data):
                known.told.add(id(was))
                words.append(f"the bytes of position {place} still state {words_of(fact.type, data)}: it was {how} at position {by}")
    return words


def words_of(kind, data):
    if kind == "MovementRecorded":
        return f"run {data['run_id']}, movement {data['movement_id']}, {data['change']}"
    run = f"the funds of {data['occurred_at']}" if kind == "FundsReported" else f"run {data['run_id']}"
    return f"{run}, " + (f"balance {data['balance']}" if given(data.get("balance")) else "no balance")


def add_signatures(evidence, body, place, count):
    # A delivery may carry several of them.
    count["operator only"] += any(one.get("scheme") == "hmac" for one in evidence)
    for one in evidence:
        if one.get("scheme") not in (None, "hmac"):
            sent = next((other["value"] for other in evidence if other["header"] == "x-zh-hook-timestamp"), "")
            signed = body + utf8(sent) if one["header"] == "x-zh-hook-rsa-signature" else body
            count["signatures"].append((place, one, signed))


def check_providers(count, providers):
    """Returns how many of the providers' signatures hold; those without a given key are not checked."""
    known = [one for one in count["signatures"] if one[1].get("key_id") in providers]
    for place, one, signed in known:
        try:
            holds = ecdsa_holds if one["scheme"] == "ecdsa_secp256k1" else rsa_holds
            good = holds(providers[one["key_id"]], one["scheme"], signed, one["value"])
        except MALFORMED:
            good = False
        need(good, f"bytes: the provider's signature of the delivery at position {place} does not hold")
    return len(known)


# --- Step 8: arithmetic and order (docs/domain-rules.md) ------------------------------------------


class Entry:
    """One run on the account, or a snapshot's statement about it."""

    def __init__(self, id, run):
        self.id, self.run = id, run
        self.facts, self.moves, self.report, self.order = [], [], None, None

    def finish(self):
        report = self.report
        stated = report.value("balance") if report else None
        self.balance = Decimal(stated) if given(stated) else None
        delta = report.value("change") if report else None
        if self.moves or self.run is None:
            self.change = sum((Decimal(one.value("change")) for one in self.moves), Decimal(0))
        else:
            self.change = Decimal(delta) if given(delta) else None
        known = self.balance is not None and self.change is not None
        self.before = self.balance - self.change if known else None
        self.arrived = min(fact.arrived() for fact in self.facts)
        self.set_times()
        self.held_from = min(fact.held_from() for fact in self.facts)
        self.is_edge = self.run is not None and known

    def set_times(self):
        """The time of the last movement, else of the report, else of the arrival (own); it took effect no sooner than not_before (at)."""
        moves, report = (self.moves, self.report) if self.run is not None else ([], None)
        times = [time for time in (one.at() for one in moves) if time is not None]
        stated = max(times) if times else report.at() if report else None
        self.own = self.arrived if stated is None else stated
        bounds = [nanos(copy["not_before"]) for copy in (report.copies() if report else []) if "not_before" in copy]
        moved = bool(bounds) and max(bounds) > self.own
        self.at = max(bounds) if moved else self.own
        self.undated = stated is None and not moved
        self.counter = counter_of(self.run) if self.run is not None else ""


# No fact is dated later.
YEAR_2201 = 7_289_654_400 * 10**9


def counter_of(key):
    moment = nanos(key) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z", key) else None
    if moment is not None and 0 <= moment < YEAR_2201:
        return str(moment).zfill(20)
    text = key if re.fullmatch(r"[\x21-\x7e]*", key) else urllib.parse.quote(key, safe="!~*'()-_.")
    return str(len(key.encode("utf-16-le")) // 2).zfill(4) + text


def openings_in(events):
    """The position at which each feed's connection was opened."""
    return {data_of(event)["connection"]: int(event["position"]) for event in events if event["type"] == "FeedOpened"}


def opening_of(fact, openings):
    connection = fact.value("place")["connection"]
    need(connection in openings, f"left out: the opening of feed {connection}, whose snapshot stands at position {fact.place}")
    return openings[connection]


def entries_of(facts, openings):
    """The entries that the facts form, by id, without an order."""
    entries = {}
    for fact in facts:
        place = fact.value("place")
        if fact.type == "FundsReported":
            run = fact.value("occurred_at")
        else:
            run = fact.data["run_id"] if fact.type == "MovementRecorded" else fact.value("run_id")
        need(run is not None or place is not None, f"form: data at position {fact.place}: expected run_id or place")
        id = f"snapshot:{place['connection']}:{place['frame']}" if run is None else f"run:{run}"
        entry = entries.setdefault(id, Entry(id, run))
        entry.facts.append(fact)
        if fact.withdrawn:
            continue
        if fact.type == "MovementRecorded":
            entry.moves.append(fact)
        else:
            entry.report = fact
    entries = {id: entry for id, entry in entries.items() if entry.moves or entry.report}
    for entry in entries.values():
        entry.finish()
        # Everything recorded before a snapshot's feed was opened is in the snapshot.
        entry.opened = opening_of(entry.facts[0], openings) if entry.run is None else None
    return entries


def after(stood, entry):
    """The balance after an entry: the stated one, else the previous balance plus the change."""
    if entry.balance is not None:
        return entry.balance
    return stood if stood is None or entry.change is None else stood + entry.change


def check_arithmetic(proof, facts, events):
    """Recomputes the stated entries in the stated order."""
    made, order = entries_of(facts, openings_in(events)), []
    most = Decimal("1e-18") if proof["account"].startswith("layer1:") else Decimal(0)
    stood = held = None
    for stated in proof["entries"]:
        id = stated["id"]
        need(id in made, f"arithmetic: {id} follows from no fact")
        entry = made[id]
        need(entry.order is None, f"arithmetic: {id} stands there twice")
        is_new = stood is None or entry.before is None or abs(entry.before - stood) <= most
        first = not order and entry.run is not None and entry.before is not None and entry.before != 0
        expected = {
            "before": printed(stood),
            "change": printed(entry.change),
            "after": printed(after(stood, entry)),
            "missing": None if is_new else printed(entry.before - stood),
            "opening": printed(entry.before) if first else None,
        }
        for name, value in expected.items():
            need(stated[name] == value, f"arithmetic: {name} of {id} is {shown(value)}, and {shown(stated[name])} is stated")
        stood = after(stood, entry)
        held = after(held, entry) if entry.run is not None else held
        entry.held, entry.order = (held if entry.run is not None else stood), len(order)
        order.append(entry)
    check_snapshots(proof, made, order, most)
    for id, entry in made.items():
        need(entry.run is None or entry.order is not None, f"left out: {id} is not among the entries")
    need(proof["balance"] == printed(stood), f"arithmetic: the balance is {shown(printed(stood))}, and {shown(proof['balance'])} is stated")
    check_order([entry for entry in order if entry.run is not None])
    check_places(order)


SECOND = 10**9
# Each entry is compared with this many others on a side.
NEIGHBOURS = 256


def is_whole(run):
    """A time in whole seconds may be any moment of its second."""
    return run.at % SECOND == 0


def apart(run):
    """Printed times that differ by more have a certain order."""
    return 20 * 10**6 + (SECOND if is_whole(run) else 0)


def clocks(run):
    return run.at, run.counter


def later(a, b):
    return b if a is None or clocks(b) >= clocks(a) else a


def check_order(runs):
    """Checks that the order of runs does not contradict what the printed time and the counter of runs agree on."""
    edges = [run for run in runs if run.is_edge]
    # The latest ones so far: of all, of those with a time, of edges.
    last = dated = edge = None
    edges_before = 0
    for at, run in enumerate(runs):
        if not run.undated and dated is not None and dated.at - run.at > apart(run):
            check_far_before(runs, at, dated)
        if run.is_edge:
            if edge is not None and edge.at > run.at:
                check_near(edges, edges_before)
            edges_before += 1
            edge = later(edge, run)
        elif last is not None and clocks(last) > clocks(run):
            early(last, run)
        if not run.undated:
            dated = later(dated, run)
        last = later(last, run)


def check_far_before(runs, at, latest):
    """A run stands behind the one dated latest so far, further than times err.

    Only an edge without a time beside it may be the reason: it arrived after the one, and its number is lower than the other's.
    """
    run, start = runs[at], max(0, at - NEIGHBOURS)
    reasons = [one.at for one in runs[start : at + NEIGHBOURS] if one.undated and one.is_edge and one.counter < run.counter]
    reach = max([run.at + apart(run), *reasons])
    for other in [latest, *runs[start:at]]:
        if not other.undated and other.at > reach:
            early(other, run)


def check_near(edges, at):
    """Checks an edge that stands behind one that is later by time: then its number is greater, or the times are vague."""
    run, start = edges[at], max(0, at - NEIGHBOURS)
    for other in edges[start:at]:
        if other.at <= run.at or other.counter <= run.counter:
            continue
        near = edges[start : at + NEIGHBOURS] if run.undated or is_whole(run) else []
        # Its number may contradict its time beside a third one, and then the rules choose.
        chosen = any(one.at > other.at and one.counter < run.counter for one in near)
        need(chosen, f"order: {other.id} stands before {run.id}, and both clocks say otherwise")


def early(other, run):
    raise Wrong(f"order: {other.id} stands before {run.id}, which took effect before it")


def check_places(order):
    """Checks that each snapshot that is an entry stands behind the last run that comes before it, and no further."""
    held = at = None
    for one in reversed(order):
        if one.run is not None:
            held = one.held_from if held is None else min(held, one.held_from)
            at = one.at if at is None else min(at, one.at)
        elif held is not None and (held < one.opened or at <= one.arrived):
            run = next(other for other in order[one.order :] if other.run is not None and is_behind(one, other))
            raise Wrong(f"order: {one.id} stands before {run.id}, which comes before it")
    for before, one in zip(order, order[1:]):
        if one.run is None:
            # Snapshots behind the same run stand there as they arrived.
            placed = is_behind(one, before) if before.run is not None else is_earlier(before, one)
            need(placed, f"order: {one.id} stands behind {before.id}, which comes after it")


def is_behind(snapshot, run):
    """Whether a snapshot stands behind a run: it certainly includes it, or arrived when that had taken effect."""
    return run.held_from < snapshot.opened or run.at <= snapshot.arrived


def is_earlier(a, b):
    return (a.arrived, units(a.id)) < (b.arrived, units(b.id))


def units(text):
    """Texts are compared by their units of UTF-16."""
    return text.encode("utf-16-be", "surrogatepass")


def check_snapshots(proof, made, order, most):
    """Checks that each snapshot's statement is either an entry, or confirmed by the entry that the rules say."""
    stated = {f"snapshot:{one['connection']}:{one['frame']}": one["confirmed_by"] for one in proof["snapshots"]}
    need(len(stated) == len(proof["snapshots"]), "arithmetic: a snapshot stands there twice")
    for id in stated:
        need(id in made, f"arithmetic: {id} follows from no fact")
    for id, snapshot in made.items():
        if snapshot.run is not None:
            continue
        need(id in stated, f"left out: {id} is not among the snapshots")
        by = stated[id]
        need((by == "") == (snapshot.order is not None), f"arithmetic: {id} stands as an entry, or is confirmed by one")
        named = by in ("", "=") or by in made and made[by].order is not None
        need(named, f"arithmetic: {by}, which is said to confirm {id}, is no entry")
        what = what_confirms(snapshot, order, most)
        if by == "":
            need(not what, f"arithmetic: {id} stands although it only confirms")
        elif by == "=":
            need(by in what, f"arithmetic: {id} is not what the account held then")
        else:
            need(by in what, f"arithmetic: {by} does not confirm {id}")


# A run dated later than this after a snapshot's arrival is not in the snapshot.
RECEIVER_ERROR = 5 * SECOND


def what_confirms(snapshot, order, most):
    """What may confirm a snapshot: "=" for the last entry that is certainly in it, or the ids of later ones."""

    def is_of_then(one):
        return one.run is not None or is_earlier(one, snapshot)

    def equals(value):
        return value is not None and abs(value - snapshot.balance) <= most

    sure = next((one for one in reversed(order) if one.held_from < snapshot.opened and is_of_then(one)), None)
    if snapshot.balance is None or sure is not None and equals(sure.held):
        return ["="]
    found, first = [], 0 if sure is None else sure.order + 1
    for one in filter(is_of_then, order[first : first + NEIGHBOURS]):
        # A run without a time may be in it.
        if not (one.run is not None and one.undated) and one.own - RECEIVER_ERROR > snapshot.arrived:
            break
        if equals(one.before) or equals(one.held):
            found.append(one.id)
    return found


# --- An export ------------------------------------------------------------------------------------


REMEMBERED = 100_000


class Export:
    """Reads an export line by line; every head is compared at its position."""

    def __init__(self, heads):
        self.heads, self.header, self.end, self.awaited = heads, None, None, None
        self.line = self.place = self.events = self.bodies = self.held = self.recorded = 0
        self.ids, self.subjects, self.spine = set(), {}, []
        self.known, self.erased, self.missing, self.rotations = collections.OrderedDict(), set(), {}, []

    def where(self):
        return f"line {self.line}, position {max(self.place, 1)}"

    def bad(self, why):
        raise Wrong(f"{self.where()}: {why}")

    def root(self):
        root = None
        for one, _ in reversed(self.spine):
            root = one if root is None else node(one, root)
        return root

    def is_whole(self):
        return self.header["from"] == 1 and self.header["account"] is None

    def compare(self, head):
        said = {"genesis": self.header["genesis"], "hash": self.previous}
        if self.is_whole():
            entries = [(key, value) for key, value in self.subjects.items()]
            said.update(root=self.root(), map_root=map_root(entries))
        for name, value in said.items():
            place = head["position"]
            need(value == head[name], f"position {self.held + 1}: found {name} {value} at position {place}, signed was {head[name]}: what was altered lies in positions {self.held + 1} to {place}")
        self.held = int(head["position"])

    def read(self, line):
        self.line += 1
        try:
            text = line.decode("utf-8")
        except ValueError:
            self.bad("expected UTF-8")
        value = self.parsed(text, ANY, self.where())
        kind = "header" if self.header is None else "body" if "body" in value else "end" if "end" in value else "event"
        if self.end is not None:
            self.bad("something stands behind the end")
        shape = LINES[kind]
        need_shape(value, shape, f"{self.where()}: {kind}")
        ordered = {name: value[name] for name in shape}
        if json.dumps(ordered, ensure_ascii=False, separators=(",", ":")) != text:
            self.bad(f"it is not in the form of {kind}: it was altered")
        if self.awaited is not None and kind != "body":
            self.bad(f"expected the body {self.awaited}")
        getattr(self, f"read_{kind}")(value)

    def parsed(self, text, shape, where):
        try:
            value = parsed(nested_little(text))
        except (ValueError, RecursionError):
            raise Wrong(f"{where}: expected JSON")
        need_shape(value, shape, where)
        return value

    def data_of(self, event, shape):
        return self.parsed(event["data"], {**fields(shape), "*": "any"}, f"{self.where()}: data")

    def read_header(self, value):
        self.header, self.previous, self.place = value, value["before"], value["from"] - 1

    def read_event(self, event):
        self.place += 1
        if self.header["account"] is None:
            if event["position"] != self.place:
                self.bad(f"found position {event['position']}")
            if event_hash(self.previous, event) != event["hash"]:
                self.bad("its hash does not follow from the one before and from what it says")
        self.place, self.previous = event["position"], event["hash"]
        if self.place == 1 and not self.is_opening(event):
            self.bad("it does not open the ledger that the header names")
        if event["id"] in self.ids:
            self.bad(f"the event {event['id']} stands there twice")
        if int(event["recorded_at"]) < self.recorded:
            self.bad("it was recorded before the event before it")
        self.recorded = int(event["recorded_at"])
        self.ids.add(event["id"])
        self.events += 1
        key = sha256(utf8(event["subject"]))
        _, number, _, digest = self.subjects.get(key, (None, 0, None, EMPTY))
        self.subjects[key] = (event["subject"], number + 1, self.place, sha256(raw(digest), raw(event["hash"])))
        root, width = leaf(event["hash"]), 1
        while self.spine and self.spine[-1][1] == width:
            root, width = node(self.spine.pop()[0], root), 2 * width
        self.spine.append((root, width))
        if event["type"] == "BodyErased":
            self.erased.add(self.data_of(event, "sha256:digest")["sha256"])
        if event["type"] == "DeliveryReceived" and self.header["account"] is None:
            self.expect_body(self.data_of(event, "sha256:digest")["sha256"])
        if event["type"] == "HeadKeyRotated":
            self.add_rotation({**self.data_of(event, ROTATION), "position": self.place})
        for head in self.heads:
            if int(head["position"]) == self.place and self.header["account"] is None:
                self.compare(head)

    def is_opening(self, event):
        header, data = self.header, self.data_of(event, "environment:text name:text")
        named = (data["name"], data["environment"]) == (header["ledger"], header["environment"])
        return named and event["hash"] == header["genesis"] and sha256(utf8(header["ledger"])) == header["before"]

    def add_rotation(self, rotation):
        """Without both signatures it replaces no key: anyone who can append could have written it."""
        if is_rotation_signed(rotation, self.header["ledger"], self.header["genesis"]):
            self.rotations.append(rotation)

    def expect_body(self, digest):
        self.awaited = None if digest in self.known else digest
        self.known[digest] = True
        self.known.move_to_end(digest)
        if len(self.known) > REMEMBERED:
            self.known.popitem(last=False)

    def read_body(self, value):
        if self.awaited is None:
            self.bad("expected no body")
        if value["body"] != self.awaited:
            self.bad(f"expected the body {self.awaited}")
        if value["base64"] is None:
            self.missing[value["body"]] = self.where()
        elif sha256(base64.b64decode(value["base64"])) != value["body"]:
            self.bad(f"the bytes are not those of the body {value['body']}")
        else:
            self.bodies += 1
        self.awaited = None

    def read_end(self, value):
        self.end = value
        root = self.root() if self.is_whole() else None
        said = [value["end"], value["events"], value["bodies"], value["root"]]
        if said != [self.previous, self.events, self.bodies, root]:
            self.bad("the end does not say what stands before it")

    def finish(self, keys):
        header, end, place = self.header, self.end, self.place
        self.line += 1
        if end is None:
            self.bad("the file ends here, and its last line is missing: it was cut")
        whole = header["account"] is None
        if whole and place != header["to"]:
            self.bad(f"the header says that it ends at position {header['to']}")
        unexplained = [digest for digest in self.missing if digest not in self.erased]
        # Only a file from position 1 to a head has to hold what erased them.
        ends = [head["position"] for head in self.heads] + ([end["head"].get("position")] if isinstance(end["head"], dict) else [])
        if unexplained and self.is_whole() and str(place) in ends:
            digest = unexplained[0]
            raise Wrong(f"{self.missing[digest]}: the bytes {digest} are missing, and nothing says that they were erased: if that came after position {place}, ask for an export of the whole ledger")
        for head in self.heads:
            need(head["ledger"] == header["ledger"], f"head: the one over {head['position']} is of another ledger")
            if whole and int(head["position"]) > place:
                raise Wrong(f"position {place + 1}: positions {place + 1} to {head['position']} are missing, which the head of {head['signed_at']} signed")
        if end["head"] is not None:
            check_head(end["head"])
            need(is_head_signed(end["head"]), "head: the signature at the end does not hold")
            good = end["head"]["ledger"] == header["ledger"] and int(end["head"]["position"]) == place
            need(good or not whole, "head: the one at the end is not of this export")
            if whole:
                self.compare(end["head"])
        check_keys_in_time([*self.heads, *([end["head"]] if end["head"] else [])], self.rotations)
        said = [f"{counted(self.events, 'event', 'events')} up to position {place} of ledger {header['ledger']}, {counted(self.bodies, 'body', 'bodies')}: whole, in order, unaltered since their hashes were made"]
        if unexplained:
            said.append(f"{counted(len(unexplained), 'body is', 'bodies are')} not in this export; what erased them, if anything did, is outside of it: an export of the whole ledger says")
        if not whole:
            return said, ["the export of one account cannot be proven complete: ask for a proof (counterfoil prove)"]
        last = max(self.heads, key=lambda one: int(one["position"]), default=end["head"])
        if last is None:
            return said, ["it ends with no signed head, and you brought none"]
        left = [] if self.heads else trust(last, None, self.rotations, Brought(keys))
        if any(int(one["position"]) < header["from"] for one in self.heads):
            left.append("it begins behind a head that you brought")
        at = f"up to position {last['position']} as signed {last['signed_at']}"
        said.append(f"as signed {last['signed_at']} by key {last['key_id']}" if int(last["position"]) == place else f"{at}; what comes after is not under a head that you brought")
        return said, left


# --- The command line -----------------------------------------------------------------------------


class Brought:
    def __init__(self, keys=()):
        self.keys, self.heads, self.providers, self.file = list(keys), [], {}, None

    def add_head(self, file):
        try:
            with open(file, encoding="utf-8") as text:
                head = parsed(text.read())
            check_head(head)
            need(is_head_signed(head), "its signature does not hold")
        except (OSError, ValueError, RecursionError, Wrong) as error:
            raise Usage(f"{file} is no signed head: {error}") from error
        self.heads.append(head)

    def add_key(self, given):
        try:
            if not HEX.match(given):
                with open(given, encoding="utf-8") as text:
                    given = text.read().strip()
            if HEX.match(given):
                self.keys.append(given)
                return
            spki = base64.b64decode("".join(line for line in given.splitlines() if "-----" not in line), validate=True)
            self.providers[hashlib.sha256(spki).hexdigest()] = spki
        except (OSError, ValueError) as error:
            raise Usage(f"--key {given}: expected 64 lower-case hex digits, or a provider's public key as PEM or base64: {error}") from error


def read_arguments(arguments):
    brought, rest = Brought(), list(arguments)
    while rest:
        one = rest.pop(0)
        if one in ("--key", "--head") and rest:
            (brought.add_key if one == "--key" else brought.add_head)(rest.pop(0))
        elif one.startswith("--") or brought.file is not None:
            raise Usage(f"{one}: expected one file, --key FILE or --head FILE")
        else:
            brought.file = one
    if brought.file is None:
        raise Usage("usage: python3 check.py proof.json|export.jsonl [--key FILE|HEX]... [--head FILE]...")
    return brought


def check_file(brought):
    with open(brought.file, "rb") as lines:
        start = b'{"format":"counterfoil-export/1"'
        if lines.read(len(start)) == start:
            lines.seek(0)
            export = Export(brought.heads)
            for line in lines:
                export.read(line[:-1] if line.endswith(b"\n") else line + b"?")
            return export.finish(brought.keys)
        lines.seek(0)
        try:
            text = lines.read().decode("utf-8")
        except ValueError:
            raise Wrong("form: it is no UTF-8")
        return check_proof(text, brought)


UNREADABLE = "form: expected a file as docs/stream-format.md or docs/audit.md describes it"


def check(arguments):
    """Returns the exit code, and the lines to print."""
    try:
        said, left = check_file(read_arguments(arguments))
    except (Usage, OSError) as error:
        return 2, [str(error)]
    except Wrong as error:
        return 1, [f"it does not hold: {error}"]
    except MALFORMED:
        return 1, [f"it does not hold: {UNREADABLE}"]
    return (3, ["consistent, signer not checked", *said, *left]) if left else (0, ["it holds", *said])


# --- The chain, the tree, the map (docs/stream-format.md) -----------------------------------------


def event_hash(before, event):
    names = ("position", "id", "type", "schema_version", "subject")
    names += ("occurred_at", "recorded_at", "causation_id", "correlation_id")
    values = [None if event[name] is None else str(event[name]) for name in names]
    return sha256(raw(before), utf8(canonical(values)), b"\n", utf8(event["data"]))


def leaf(event):
    return sha256(b"\x00", raw(event))


def node(left, right):
    return sha256(b"\x01", raw(left), raw(right))


def map_leaf(key, entry):
    return sha256(b"\x02", raw(key), raw(entry))


def map_node(left, right):
    return sha256(b"\x03", raw(left), raw(right))


def entry_of(subject, number, position, digest):
    return sha256(utf8(canonical([subject, str(number), str(position), digest])))


def split_at(count):
    """The largest power of two below a count."""
    return 1 << (count - 1).bit_length() - 1


def root_with(known, start, end, path):
    """The root over [start, end), from known leaves and the roots of all other subtrees, in order."""
    if not known:
        need(path, "inclusion: the path is too short")
        return path.popleft()
    if end - start == 1:
        return known[0][1]
    middle = start + split_at(end - start)
    left = [one for one in known if one[0] < middle]
    return node(root_with(left, start, middle, path), root_with(known[len(left) :], middle, end, path))


def goes_on(first, old, second, new, path):
    """RFC 9162, 2.1.4.2: the tree of `second` leaves extends that of `first`."""
    path = list(path)
    if not 0 < first < second or not path:
        return False
    if first & (first - 1) == 0:
        path.insert(0, old)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for one in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(one, fr), node(one, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, one)
        fn, sn = fn >> 1, sn >> 1
    return fr == old and sr == new and sn == 0


def map_root(entries, depth=0):
    if not entries:
        return EMPTY
    if len(entries) == 1:
        key, (subject, number, position, digest) = entries[0]
        return map_leaf(key, entry_of(subject, number, position, digest))
    halves = ([], [])
    for one in entries:
        halves[bit_of(one[0], depth)].append(one)
    return map_node(map_root(halves[0], depth + 1), map_root(halves[1], depth + 1))


def bit_of(key, depth):
    return int(key[depth // 4], 16) >> (3 - depth % 4) & 1


# --- Amounts and times ----------------------------------------------------------------------------


ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))\Z"
)
AMOUNT = re.compile(r"[+-]?(?=\.?[0-9])[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?\Z")


def nanos(text):
    """Whole nanoseconds of a printed time, where the size of a number shows its unit; None if it is no time."""
    return nanos_in(text) if isinstance(text, str) else None


@functools.lru_cache(maxsize=10_000)
def nanos_in(text):
    match = ISO.match(text)
    if match:
        year, month, day, hour, minute, second = map(int, match.groups()[:6])
        try:
            days = datetime.date(year, month, day).toordinal() - 719163
        except ValueError:
            return None
        zone = int(match[9] or 0) * 60 + int(match[10] or 0)
        minutes = hour * 60 + minute - (-zone if match[8] == "-" else zone)
        return (days * 86400 + minutes * 60 + second) * 10**9 + int((match[7] or "").ljust(9, "0"))
    if not re.fullmatch(r"[0-9]{1,19}", text):
        return None
    unit = next(unit for most, unit in ((11, 10**9), (14, 10**6), (17, 1000), (19, 1)) if len(text) <= most)
    return int(text) * unit


def agreed(times):
    """The earliest of the most precise printed times."""
    def is_cut(coarse):
        return any(
            coarse != fine and any(coarse % unit == 0 and fine // unit * unit == coarse for unit in (1000, 10**6, 10**9))
            for fine in times
        )
    return min((one for one in times if not is_cut(one)), default=None)


def given(value):
    return value is not None and value != ""


def is_amount(text):
    return isinstance(text, str) and AMOUNT.match(text) is not None


def same_amount(a, b):
    if not given(a) or not given(b):
        return given(a) == given(b)
    return is_amount(a) and is_amount(b) and Decimal(a) == Decimal(b)


def shown(text):
    return "null" if text is None else text


def printed(value):
    if value is None:
        return None
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


# --- JSON, digests, signatures --------------------------------------------------------------------


def canonical(value):
    """RFC 8785; the checked values contain no numbers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def whole(text):
    """A number as JavaScript has it: 1.0 and 1e0 are 1."""
    value = float(text)
    return int(value) if value.is_integer() else value


def no_constant(name):
    raise ValueError(name)


def parsed(text):
    return json.loads(text, parse_int=whole, parse_float=whole, parse_constant=no_constant)


NESTED_MAX = 1000


def nested_little(text):
    """The text; how deeply others read what is nested differs, so all checkers end at the same depth."""
    if text.count("[") + text.count("{") <= NESTED_MAX:
        return text
    level = 0
    for one in re.findall(r'"(?:[^"\\]|\\.)*"|[][{}]', text, re.DOTALL):
        level += 1 if one in "[{" else -1 if one in "]}" else 0
        if level > NESTED_MAX:
            raise ValueError("it is nested too deeply")
    return text


def exact(text):
    """JSON whose numbers stay as they were printed."""
    return json.loads(nested_little(text), parse_int=str, parse_float=str, parse_constant=no_constant)


def utf8(text):
    return text.encode("utf-8", "surrogatepass")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def raw(text):
    return bytes.fromhex(text)


HEX = re.compile(r"[0-9a-f]{64}\Z")
EMPTY = "0" * 64


# --- Shapes: what each value has to be ------------------------------------------------------------


MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)


def like(pattern):
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def is_base64(value):
    return like("[A-Za-z0-9+/]*={0,2}")(value) and len(value) % 4 == 0 and base64.b64encode(base64.b64decode(value)).decode() == value


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


KINDS = {
    "any": (lambda value: True, "anything"),
    "text": (lambda value: isinstance(value, str), "text"),
    "digest": (like("[0-9a-f]{64}"), "64 lower-case hex digits"),
    "signature": (like("[0-9a-f]{128}"), "128 lower-case hex digits"),
    "count": (like("0|[1-9][0-9]{0,14}"), "a whole number as text"),
    "position": (like("[1-9][0-9]{0,14}"), "a position as text"),
    "nanos": (like("-?[0-9]{1,19}"), "nanoseconds as text"),
    "amount": (like(r"-?(0|[1-9][0-9]{0,999})(\.[0-9]{0,999}[1-9])?"), "an amount as text"),
    "time": (lambda value: nanos(value) is not None, "a time as text"),
    "base64": (is_base64, "base64"),
    "number": (is_number, "a whole number"),
}


def or_null(good):
    return lambda value: value is None or good(value)


KINDS.update({f"{kind}?": (or_null(good), f"{words} or null") for kind, (good, words) in KINDS.items()})


def fields(text):
    return dict(one.split(":") for one in text.split())


HEAD = fields(
    "genesis:digest hash:digest key_id:digest ledger:text map_root:digest position:position public_key:digest root:digest"
    " signature:signature signed_at:text tree_size:position"
)
EVENT = fields(
    "before:digest causation_id:text? correlation_id:text? data:text id:text occurred_at:nanos? position:position"
    " recorded_at:nanos schema_version:count subject:text type:text"
)
ROTATION = "new_key:digest new_signature:signature old_key:digest old_signature:signature"
PROOF = {
    **fields("account:text balance:text? format:text public_key:digest signature:signature"),
    "bodies": {"*": "base64?"},
    "consistency": [{**fields("root:digest tree_size:position"), "proof": ["digest"]}],
    "entries": [fields("after:text? before:text? change:text? id:text missing:text? opening:text?")],
    "events": [EVENT],
    "head": HEAD,
    "map": {**fields("digest:digest number:count position:position"), "siblings": ["digest"]},
    "rotations": [fields(ROTATION + " position:position")],
    "rules": fields("model:text version:text"),
    "snapshots": [fields("confirmed_by:text connection:text frame:text")],
    "tree": ["digest"],
}

LAYER1 = {**fields("address:text asset:text *:any"), "funds": [fields("type:text *:any")]}

# The kinds of lines of an export, their fields in order.
LINES = {
    "header": fields("format:text ledger:text environment:text genesis:digest from:number to:number before:digest account:text?"),
    "event": fields(
        "position:number id:text type:text schema_version:number subject:text occurred_at:nanos? recorded_at:nanos"
        " causation_id:text? correlation_id:text? data:text hash:digest"
    ),
    "body": fields("body:digest base64:base64?"),
    "end": fields("end:digest events:number bodies:number root:digest? head:any"),
}
ANY = {"*": "any"}

# What is read here of the data of each type; numbers are text (exact).
CONTENT = {
    **fields("balance?:amount change?:amount delivered_at?:count movement_id?:text not_before?:time occurred_at?:time run_id?:text *:any"),
    "place?": fields("connection:text frame:text *:any"),
}
FACT = {**CONTENT, "received_at": "time"}
AMENDS = {**fields("amends?:text event_id:text event_type:text *:any"), "key": {"*": "text"}}
EVIDENCE = fields("header:text key_id?:text scheme?:text value:text *:any")
DATA = {
    "MovementRecorded": {**FACT, **fields("change:amount movement_id:text run_id:text")},
    "BalanceReported": FACT,
    "FundsReported": {**FACT, **fields("balance:amount occurred_at:time")},
    "FactSeen": {**AMENDS, "adds": CONTENT, "received_at": "time"},
    "FactContradicted": AMENDS,
    "FactCorrected": {**AMENDS, "data": FACT},
    "FactWithdrawn": AMENDS,
    "DeliveryReceived": {"sha256": "digest", "verdict": {"evidence?": [EVIDENCE], "*": "any"}, "*": "any"},
    "FeedOpened": fields("connection:text *:any"),
}


def data_of(event):
    where = f"form: data at position {event['position']}"
    try:
        data = exact(event["data"])
    except (ValueError, RecursionError):
        raise Wrong(f"{where}: expected JSON")
    need_shape(data, DATA.get(event["type"], {"*": "any"}), where)
    return data


def need_shape(value, shape, where):
    """A shape is a kind, a list of one shape, or fields by name.

    "?" means after a kind that it may be null, after a name that it may be missing; "*" is the
    shape of all other fields, else there are none.
    """
    found = fault(value, shape)
    if found is not None:
        path, words = found
        raise Wrong(f"{where}{path}: expected {words}")


def fault(value, shape):
    """The path to the first value that has not its shape, and what is expected there; or None."""
    if isinstance(shape, str):
        good, words = KINDS[shape]
        return None if good(value) else ("", words)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return "", "a list"
        inner = [(at, shape[0]) for at in range(len(value))]
    elif isinstance(value, dict) and value.keys() == shape.keys():
        inner = [(name, shape[name]) for name in value]
    else:
        names = [name for name in shape if name[-1] not in "?*"]
        has_all = isinstance(value, dict) and all(name in value for name in names)
        inner = [(name, shape.get(name) or shape.get(name + "?") or shape.get("*")) for name in value] if has_all else []
        if not has_all or not all(its for _, its in inner):
            return "", f"an object with the fields {', '.join(sorted(names)) or 'that belong there'}"
    for at, its in inner:
        found = fault(value[at], its)
        if found is not None:
            return (f"[{at}]" if isinstance(shape, list) else f".{at}") + found[0], found[1]
    return None


# --- Ed25519, RSA, ECDSA --------------------------------------------------------------------------


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def ed_recover(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * I % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def ed_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def ed_times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = ed_add(result, point)
        point = ed_add(point, point)
        number >>= 1
    return result


ED_BASE = ed_recover(4 * pow(5, P - 2, P) % P, 0)


def ed_point(data):
    number = int.from_bytes(data, "little")
    return ed_recover(number & (2**255 - 1), number >> 255)


def is_signed(key, text, signature):
    """Ed25519, RFC 8032."""
    public, sig = raw(key), raw(signature)
    a, r, s = ed_point(public), ed_point(sig[:32]), int.from_bytes(sig[32:], "little")
    if a is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(sig[:32] + public + utf8(text)).digest()
    left = ed_times(s, ED_BASE)
    right = ed_add(r, ed_times(int.from_bytes(digest, "little") % L, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % P == 0


def der(data, at=0):
    """One value of DER: its tag, its content, and where the next begins."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(data[at : at + count], "big"), at + count
    return tag, data[at : at + length], at + length


def rsa_holds(spki, scheme, message, value):
    signature = raw(value)
    _, outer, _ = der(spki)
    _, _, after = der(outer)
    _, bits, _ = der(outer, after)
    _, pair, _ = der(bits[1:])
    _, modulus, after = der(pair)
    _, exponent, _ = der(pair, after)
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    size = (n.bit_length() + 7) // 8
    block = pow(int.from_bytes(signature, "big"), e, n).to_bytes(size, "big")
    digest = hashlib.sha256(message).digest()
    if scheme == "rsa_pkcs1":
        info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
        return block == b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    bits = n.bit_length() - 1
    block = block[size - (bits + 7) // 8 :]
    masked, h = block[:-33], block[-33:-1]
    mask = b"".join(
        hashlib.sha256(h + n.to_bytes(4, "big")).digest() for n in range(len(masked) // 32 + 1)
    )
    plain = bytearray(x ^ y for x, y in zip(masked, mask))
    plain[0] &= 0xFF >> (8 * len(block) - bits)
    start = plain.find(1)
    if block[-1] != 0xBC or start < 0 or any(plain[:start]):
        return False
    return hashlib.sha256(bytes(8) + digest + bytes(plain[start + 1 :])).digest() == h


K_P = 2**256 - 2**32 - 977
K_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
K_G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def k_add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % K_P == 0:
            return None
        slope = 3 * p[0] * p[0] * pow(2 * p[1], -1, K_P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, K_P)
    x = (slope * slope - p[0] - q[0]) % K_P
    return x, (slope * (p[0] - x) - p[1]) % K_P


def k_times(number, point):
    result = None
    while number:
        if number & 1:
            result = k_add(result, point)
        point = k_add(point, point)
        number >>= 1
    return result


def ecdsa_holds(spki, _scheme, message, value):
    """secp256k1 with SHA-256; a high S is accepted, because the provider produces it."""
    signature = base64.b64decode(value)
    point = spki[-65:]
    key = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big"))
    if point[0] != 4 or (key[1] ** 2 - key[0] ** 3 - 7) % K_P:
        return False
    _, pair, _ = der(signature)
    _, first, after = der(pair)
    _, second, _ = der(pair, after)
    r, s = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    if not (0 < r < K_N and 0 < s < K_N):
        return False
    digest, inverse = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, K_N)
    found = k_add(k_times(digest * inverse % K_N, K_G), k_times(r * inverse % K_N, key))
    return found is not None and found[0] % K_N == r


def main():
    sys.setrecursionlimit(5000)
    if sys.argv[1:] == ["--many"]:
        # Reads lines of arguments as JSON, to check many files in one process.
        for line in sys.stdin:
            print(json.dumps(check(json.loads(line))), flush=True)
        return 0
    code, lines = check(sys.argv[1:])
    print("\n".join(lines), file=sys.stderr if code in (1, 2) else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
