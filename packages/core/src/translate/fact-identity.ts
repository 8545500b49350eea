import type { ProviderFact, ProviderFactType } from "@counterfoil/contracts/fact";
import type { Identity } from "../identity.ts";

type DataOf<Type extends ProviderFactType> = Extract<ProviderFact, { type: Type }>["data"];

type Rules<Type extends ProviderFactType> = Readonly<{
  /** The natural key: the named parts that make two copies the same fact. */
  key: (data: DataOf<Type>) => Readonly<Record<string, string>>;
  subject: (data: DataOf<Type>) => string;
}>;

const status = (
  kind: string,
  id: string,
  data: { provider: string; status: string; content: string } & Timeless,
) => ({
  provider: data.provider,
  [kind]: id,
  status: data.status,
  content: data.content,
  ...notificationOf(data),
});

type Timeless = { notification_id?: string | undefined };

/** Where a body has no time of its own, its delivery tells it from one that says the same again. */
const notificationOf = ({ notification_id }: Timeless): { notification_id?: string } =>
  notification_id === undefined ? {} : { notification_id };

/** One row a type. The order of a key's parts is part of the frozen identity. */
const RULES: { readonly [Type in ProviderFactType]: Rules<Type> } = {
  RunRecorded: {
    key: (run) => ({ provider: run.provider, run_id: run.run_id }),
    subject: (run) => `run:${run.provider}:${run.run_id}`,
  },
  MovementRecorded: {
    key: (movement) => ({ account: movement.account, movement_id: movement.movement_id }),
    subject: (movement) => movement.account,
  },
  BalanceReported: {
    key: (report): Record<string, string> =>
      report.run_id === undefined
        ? {
            account: report.account,
            connection: report.place?.connection ?? "",
            frame: String(report.place?.frame ?? ""),
          }
        : { account: report.account, run_id: report.run_id },
    subject: (report) => report.account,
  },
  FundsReported: {
    key: (funds) => ({ account: funds.account, occurred_at: funds.occurred_at }),
    subject: (funds) => funds.account,
  },
  DepositStatusReported: {
    key: (data) => status("deposit_id", data.leg_id ?? data.deposit_id, data),
    subject: (data) => transferOr("deposit", data.provider, data.deposit_id),
  },
  WithdrawalStatusReported: {
    key: (data) => status("withdrawal_id", data.leg_id ?? data.withdrawal_id, data),
    subject: (data) => transferOr("withdrawal", data.provider, data.withdrawal_id),
  },
  PaymentStatusReported: {
    key: (data) => status("payment", data.payment, data),
    subject: (data) => `payment:${data.provider}:${data.payment}`,
  },
  FundReported: {
    key: (data) => ({
      ...{ provider: data.provider, fund: data.fund, content: data.content },
      ...notificationOf(data),
    }),
    subject: (data) => `fund:${data.provider}:${data.fund}`,
  },
  TradeStatusReported: {
    key: (data) => status("trade_id", data.trade_id, data),
    subject: (data) => `trade:${data.provider}:${data.trade_id}`,
  },
  NotificationRecorded: {
    key: (data) => ({
      provider: data.provider,
      payload_type: data.payload_type,
      content: data.content,
    }),
    subject: (data) => `notification:${data.provider}:${data.content}`,
  },
};

const transferOr = (kind: string, provider: string, id: string): string =>
  `${provider === "layer1" ? "transfer" : kind}:${provider}:${id}`;

const rulesOf = (fact: ProviderFact) => RULES[fact.type] as Rules<ProviderFactType>;

export function factKey(fact: ProviderFact): Readonly<Record<string, string>> {
  return rulesOf(fact).key(fact.data as never);
}

export function factSubject(fact: ProviderFact): string {
  return rulesOf(fact).subject(fact.data as never);
}

export function factIdentity(fact: ProviderFact): Identity {
  return [fact.type, ...Object.values(factKey(fact))];
}
