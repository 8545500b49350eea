/**
 * The parts of an account id. Ids are readable: `zerohash:DEF456:ABC123:general:available:BTC`
 * (participant, group, label, type, asset: the five that Zero Hash promises unique and prints in
 * every message) and `layer1:0xc4b2…:ETH:available` (address, asset, fund type).
 */
type AccountParts = Readonly<{
  provider: "zerohash" | "layer1";
  participant_code: string | null;
  account_group: string | null;
  account_label: string | null;
  account_type: string;
  asset: string;
  /** Layer1 only: the blockchain address. */
  address: string | null;
}>;

type ZeroHashAccount = Readonly<{
  participant_code: string;
  account_group: string;
  account_label: string;
  account_type: string;
  asset: string;
}>;

/** The id of an account at Zero Hash. Its parts are encoded, so that none contains the colon between them. */
export function zeroHashAccountId(account: ZeroHashAccount): string {
  const { participant_code, account_group, account_label, account_type, asset } = account;
  const owner = `zerohash:${encodePart(participant_code)}:${encodePart(account_group)}`;
  return `${owner}:${encodePart(account_label)}:${encodePart(account_type)}:${encodePart(asset)}`;
}

/**
 * One address holds several assets, each in three funds. Hex addresses are compared without case.
 */
export function layer1AccountId(address: string, asset: string, fundType: string): string {
  return `layer1:${encodePart(layer1Address(address))}:${encodePart(asset)}:${encodePart(fundType.toLowerCase())}`;
}

/** An address as ids hold it: hex in lower case. */
export function layer1Address(address: string): string {
  return /^0x[0-9a-fA-F]+$/i.test(address) ? address.toLowerCase() : address;
}

/** @throws RangeError where the text is not an account id. */
export function accountParts(id: string): AccountParts {
  const [provider, ...encoded] = id.split(":");
  const parts = encoded.map(decodePart);
  if (provider === "zerohash" && parts.length === 5) {
    const [participant_code = "", account_group = "", account_label = "", account_type = ""] =
      parts;
    const asset = parts[4] ?? "";
    return {
      provider,
      participant_code,
      account_group,
      account_label,
      account_type,
      asset,
      address: null,
    };
  }
  if (provider === "layer1" && parts.length === 3) {
    const [address = "", asset = "", account_type = ""] = parts;
    const none = { participant_code: null, account_group: null, account_label: null };
    return { provider, ...none, account_type, asset, address };
  }
  throw new RangeError(`not an account id: ${id}`);
}

/**
 * Whether an account belongs to a platform: its own, or one of its group. Layer1 accounts have no
 * known group.
 */
export function isAccountOf(id: string, platform: string): boolean {
  const { participant_code, account_group } = accountParts(id);
  return participant_code === platform || account_group === platform;
}

/**
 * Patterns of a platform's account ids, for engines: each lists the fixed texts between parts that
 * may be anything. An account of the platform matches at least one.
 */
export function accountIdsOf(platform: string): readonly (readonly string[])[] {
  const part = encodePart(platform);
  return [
    [`zerohash:${part}:`, ":", ":", ":", ""],
    ["zerohash:", `:${part}:`, ":", ":", ""],
  ];
}

function decodePart(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new RangeError(`not a part of an account id: ${encoded}`);
  }
}

const UNRESERVED = /^[A-Za-z0-9._-]*$/;

/** Escapes every UTF-8 byte but A–Z a–z 0–9 . _ - as %XX, so that ids can be split at colons. */
function encodePart(part: string): string {
  if (UNRESERVED.test(part)) return part;
  return encodeURIComponent(part).replace(
    /[!~*'()]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
