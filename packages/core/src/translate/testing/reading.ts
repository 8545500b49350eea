import {
  FACTS,
  type FactOf,
  type ProviderFact,
  type ProviderFactType,
} from "@counterfoil/contracts/fact";
import type { Channel, Provider } from "@counterfoil/contracts/scalar";
import { expect } from "@jest/globals";
import { parseTime } from "../../exact/time.ts";
import { TRANSLATIONS } from "../translate.ts";
import type { Reading, Source } from "../translation.ts";
import { testHashing } from "./hashing.ts";

export const RECEIVED_AT = "2025-05-01T15:23:10.000000001Z";

/** A delivery for tests; `body` is printed compact, `text` is used unchanged. */
export type Delivered = Readonly<{
  provider?: Provider;
  channel?: Channel;
  payloadType?: string;
  body?: unknown;
  text?: string | null;
  /** On the feed: the number of the frame on connection c1. */
  frame?: number;
}>;

export function sourceOf(delivered: Delivered): Source {
  const { provider = "zerohash", frame, payloadType = "", body, text } = delivered;
  return {
    provider,
    channel: delivered.channel ?? (frame === undefined ? "webhook" : "feed"),
    payloadType,
    text: text === undefined ? JSON.stringify(body) : text,
    place: frame === undefined ? null : { connection: "c1", frame },
    receivedAt: parseTime(RECEIVED_AT) ?? 0n,
  };
}

/** Reads with the present translation; every fact must be what its schema says, no key more. */
export function read(delivered: Delivered): Reading {
  return readSource(sourceOf(delivered));
}

export function readSource(source: Source): Reading {
  const translate = TRANSLATIONS.versions[TRANSLATIONS.present];
  if (translate === undefined) throw new Error("there is no present translation");
  const reading = translate(source, testHashing);
  if (reading.ok) for (const fact of reading.facts) expectValid(fact);
  return reading;
}

function expectValid({ type, data }: ProviderFact): void {
  // What is stored is what JSON keeps of it.
  expect(FACTS[type].parse(data)).toEqual(JSON.parse(JSON.stringify(data)));
}

/** The facts in a delivery that must be readable. */
export function factsIn(delivered: Delivered): readonly ProviderFact[] {
  const reading = read(delivered);
  if (!reading.ok) throw new Error(`${reading.reason}: ${reading.detail}`);
  return reading.facts;
}

/** The data of the facts of one type. */
export function dataIn<Type extends ProviderFactType>(
  delivered: Delivered,
  type: Type,
): FactOf<Type>["data"][] {
  return factsIn(delivered).flatMap((fact) =>
    fact.type === type ? [fact.data as FactOf<Type>["data"]] : [],
  );
}

/** The data of a delivery's only fact. */
export function onlyData<Type extends ProviderFactType>(
  delivered: Delivered,
  type: Type,
): FactOf<Type>["data"] {
  const facts = factsIn(delivered);
  expect(facts.map((fact) => fact.type)).toEqual([type]);
  return facts[0]?.data as FactOf<Type>["data"];
}

/** `reason: detail` of a delivery that must be quarantined. */
export function refusalOf(delivered: Delivered): string {
  const reading = read(delivered);
  return reading.ok
    ? `read: ${JSON.stringify(reading.facts)}`
    : `${reading.reason}: ${reading.detail}`;
}
