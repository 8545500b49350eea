import type { ZeroHashAccount } from "../history.ts";

/** The fields by which each frame of the feed names its account, in the order of the pages. */
export const accountFields = (account: ZeroHashAccount) => ({
  account_id: account.accountId,
  participant_code: account.participantCode,
  account_group: account.accountGroup,
  account_label: account.accountLabel,
  account_type: account.accountType,
  asset: account.asset,
});
