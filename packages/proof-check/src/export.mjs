// Checks an export of a Counterfoil ledger, line by line.
import {
  counted,
  eventHash,
  fields,
  hashesOf,
  joinedBytes,
  need,
  needShape,
  nestedLittle,
  readWith,
  Unable,
  utf8,
  wrong,
} from "./exact.mjs";
import {
  bitOf,
  checkHead,
  headSignature,
  needKeysInTime,
  ROTATION,
  rotationSignatures,
  trustOf,
} from "./proof.mjs";

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
export async function checkExport(file, { keys, heads }, tools) {
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
