// The steps of checking a balance proof, in order. Begin here: each step is a function below, or in the
// file that it names. docs/stream-format.md describes the fields byte by byte.
import { checkArithmetic } from "./arithmetic.mjs";
import {
  canonical,
  counted,
  eventHash,
  fields,
  fromHex,
  hashesOf,
  need,
  needShape,
  readWith,
  utf8,
  without,
  wrong,
} from "./exact.mjs";
import { checkBytes, factsOf } from "./facts.mjs";

const FORMAT = "counterfoil/balance-proof/v1";

/**
 * Checks everything except signatures, and returns these: a page checks them with other functions than a script.
 *
 * @param sha256 bytes to lower-case hex
 * @param decodeBase64 text to bytes
 * @throws Wrong with the first reason
 */
export function checkProof(text, sha256, decodeBase64) {
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
export const ROTATION = fields(
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
export function checkHead(head, sha256) {
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
export function rootOver(leaves, size, roots, { node }) {
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

export const bitOf = (hex, at) => (Number.parseInt(hex[at >> 2], 16) >> (3 - (at & 3))) & 1;

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
export function goesOn(earlier, later, proof, { node }) {
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

export const headSignature = (head) => ({
  why: "head: its signature does not hold",
  key: head.public_key,
  text: `counterfoil/head/v1\n${canonical(without(head, "signature"))}`,
  signature: head.signature,
});

/** The old and the new key sign that the one succeeds the other. */
export function rotationSignatures(rotation, { genesis, ledger }) {
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
export function trustOf({ head, proof, rotations }, keys, heads, linksTo) {
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
export function needKeysInTime(heads, rotations) {
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
export const linksOf = (proof) => (brought) => {
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
