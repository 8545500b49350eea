import type { ModelName } from "@counterfoil/contracts/fact";
import { DEPOSITS } from "@counterfoil/core/lifecycle/deposit";
import { TRADES } from "@counterfoil/core/lifecycle/trade";
import { WITHDRAWALS } from "@counterfoil/core/lifecycle/withdrawal";
import type { Projection } from "../projection/projection.ts";
import { balancesProjection } from "./balances/projection.ts";
import { lifecycleProjection } from "./lifecycle/projection.ts";

/** The projections of all read models. */
export const PROJECTIONS: Readonly<Record<ModelName, Projection>> = {
  balances: balancesProjection,
  withdrawals: lifecycleProjection(WITHDRAWALS),
  deposits: lifecycleProjection(DEPOSITS),
  trades: lifecycleProjection(TRADES),
};

export const MODEL_NAMES = Object.keys(PROJECTIONS) as readonly ModelName[];
