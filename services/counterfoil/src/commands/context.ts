import { loadConfig } from "@counterfoil/adapters/config";
import { type Access, type Backends, connect } from "@counterfoil/adapters/connect";
import { type ModelName, modelName } from "@counterfoil/contracts/fact";
import { MODEL_NAMES } from "@counterfoil/processing/models/registry";
import { InvalidArgumentError } from "commander";
import { openExisting } from "../service/open-ledger.ts";

export const JSON_OPTION = ["--json", "print JSON for programs"] as const;

export type JsonOption = Readonly<{ json?: boolean }>;

/** Opens the ledger that the environment names, beside whatever else runs on it. */
export async function withLedger<T>(
  access: Access,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  return withBackends(await openExisting(loadConfig(process.env), access), work);
}

/** The same for who looks for what is wrong with it, and so takes it as it is. */
export async function withUncheckedLedger<T>(work: (backends: Backends) => Promise<T>): Promise<T> {
  return withBackends(await connect(loadConfig(process.env), "read"), work);
}

async function withBackends<T>(
  backends: Backends,
  work: (backends: Backends) => Promise<T>,
): Promise<T> {
  try {
    return await work(backends);
  } finally {
    await backends.close();
  }
}

export function parseModel(text: string): ModelName {
  const read = modelName.safeParse(text);
  if (read.success) return read.data;
  throw new InvalidArgumentError(`expected one of ${MODEL_NAMES.join(", ")}`);
}

export function parseModelOrAll(text: string): readonly ModelName[] {
  return text === "all" ? MODEL_NAMES : [parseModel(text)];
}

export function parseModels(text: string): readonly ModelName[] {
  return [...new Set(text.split(",").map((name) => parseModel(name.trim())))];
}

export function parsePositive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("expected a positive number");
}

export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("expected a port number");
}

/** A share of all, from 0 to 1. */
export function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() !== "" && rate >= 0 && rate <= 1) return rate;
  throw new InvalidArgumentError("expected a number from 0 to 1");
}
