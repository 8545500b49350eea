import type { components } from "@counterfoil/client";
import { Badge } from "../components/badge.tsx";

type Schemas = components["schemas"];
export type Transfer = Schemas["Withdrawal"] | Schemas["Deposit"];
export type LifecycleRecord = Transfer | Schemas["Trade"];
export type Model = "withdrawals" | "deposits" | "trades";

/** The stages in which a record goes forward, and those in which it ends otherwise. */
export const STAGES = {
  withdrawals: {
    forward: ["requested", "pending", "approved", "broadcast", "confirmed", "settled"],
    otherwise: ["failed", "rejected", "returned"],
  },
  deposits: {
    forward: ["detected", "unconfirmed", "confirmed", "screening", "held", "credited"],
    otherwise: ["failed", "rejected", "quarantined", "returned"],
  },
  trades: { forward: ["accepted", "active", "terminated"], otherwise: [] },
} as const;

/** How sure it is that these facts are of one transfer. */
export const LinkWord = ({ link }: Readonly<{ link: string }>) =>
  link === "stated" ? <span class="quiet">stated</span> : <Badge word={link} tone="warn" />;
