// Generated from packages/contracts/generated/openapi.json; do not change by hand.

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process is alive */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus; beyond loopback they need a key without a platform */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This interface as an OpenAPI document */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process accepts requests: its dependencies are available, and it is not stopping */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/accounts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One account with its balance */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/accounts/{id}/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The history of an account
         * @description In the order of effective times: runs with their movements, snapshots that report a new balance, the opening balance, gaps (including closed ones) and contradictions. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listEntries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/anomalies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What needs a person, over all models: open and unacknowledged first, then the newest
         * @description `position` is that of the model that is furthest behind, or the requested one. At a past position, anomalies are ordered by when they were first seen, the newest first, and do not include `stuck`, which depends on the clock. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listAnomalies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/anomalies/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One anomaly, open or closed
         * @description `position` is that of its model, or the requested one. At a past position the anomaly is shown as it was there, and `stuck`, which depends on the clock, is not found.
         */
        get: operations["getAnomaly"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/anomalies/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Acknowledges an anomaly: it needs nobody until it changes */
        post: operations["acknowledgeAnomaly"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/balances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Balances, one per account
         * @description At a past moment, an account is listed if something was reported of it by then. `position` is the position up to which facts are included. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listBalances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Every change of every read model, in order, as Server-Sent Events
         * @description `event` is what has changed (`balances`, `withdrawals`, `deposits`, `trades`, `anomalies`), `data` is the record as of the change, as its own route serves it, with `position`; a record that is gone is `{id, position, gone: true}`. `stuck` is null, since it depends on the clock and not on a change. `id` is `POSITION.N`, the N-th change of that position, independent of filters; a client that reconnects with it in `Last-Event-ID` continues after it, and misses and repeats nothing. `event: reset` means that a model has to be read again from its routes, `event: state` that a model is behind, so that its changes come later than those of the others, or current again; who reconnects with `Last-Event-ID` hears the state of every model once it has caught up. Comments keep the connection alive. The connection of a reader that is too slow is closed.
         */
        get: operations["streamChanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the providers sent, the newest first
         * @description `position` is the head; if only `quarantined` or `dismissed` are requested, that of the balances model, which lists them. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A delivery with all events that were recorded because of it */
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deliveries/{id}/body": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The exact bytes of a delivery */
        get: operations["getDeliveryBody"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deposits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The deposits, the one that changed last first
         * @description At a position, the one that had changed last by then comes first; as of a time alone, the one that was opened last. As of a time, stage, times and history show what had happened by then; the other fields show all that is known. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listDeposits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deposits/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One deposit with the newest entries of its history
         * @description As of a time, stage, times and history show what had happened by then; the other fields show all that is known.
         */
        get: operations["getDeposit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deposits/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole history of one deposit, in order */
        get: operations["listDepositHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The events of the stream, in ascending or descending order
         * @description `position` is the head; `next_cursor` is null at the current end of the stream. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One event, its delivery, and the later events that refer to it */
        get: operations["getEvent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/explain/{kind}/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Why a value is shown as it is: its facts, their deliveries, what the rules decided
         * @description The newest facts first, each with its role: `decides` (without it, another value would be shown), `confirms` (without it, a gap would open or the status would change), `repeats` and `superseded` (without it, nothing would change). Roles are found by applying the rules without the fact.
         */
        get: operations["explain"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/head": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A signed head over everything that was recorded
         * @description The answer is the head itself; store it unchanged: `counterfoil verify --head` takes the file. A new head is signed if something was recorded since the last one; nothing is appended.
         */
        get: operations["getHead"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/heads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The heads that were signed here, in the order of their positions */
        get: operations["listHeads"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/projections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The projections with their kept generations, and the last rebuild of each
         * @description For a platform's key digests are zeros, since they cover all platforms.
         */
        get: operations["listProjections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/projections/{name}/rebuild": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The progress of the last rebuild that was started in this process */
        get: operations["getRebuild"];
        put?: never;
        /** Builds the projection's next generation from the stream */
        post: operations["startRebuild"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/projections/{name}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Catches a kept generation of the projection up and makes it the live one again
         * @description Its progress is reported like that of a rebuild.
         */
        post: operations["rollBackProjection"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/proofs/consistency": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Proves that a later head covers everything that an earlier one covered */
        get: operations["getConsistencyProof"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/proofs/inclusion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Proves that a head covers the event at a position */
        get: operations["getInclusionProof"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Deliveries that could not be translated: first those that need a person, the newest first
         * @description A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listQuarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine/{delivery_id}/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Dismisses a quarantined delivery: it needs nobody any more */
        post: operations["dismissQuarantined"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/quarantine/{delivery_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Retries a quarantined delivery with the current translation */
        post: operations["retryQuarantined"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/runs/{run_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run with its movements on all accounts
         * @description At most 10,000 accounts, 1,000 movements of each and 10,000 movements in all are shown; `movement_count` is the number of movements of an account.
         */
        get: operations["getRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Finds what an identifier belongs to
         * @description Accounts (by our id and the provider's), participants, groups, addresses, runs, movements, withdrawals, deposits and trades by any of their identifiers, deliveries, events, anomalies. Matches are exact; addresses and our own ids are case-insensitive. At most five of each kind; an empty list if nothing matches. `position` is that of the model that is furthest behind.
         */
        get: operations["search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The status of the ledger: the position of each part, and what needs a person
         * @description A platform's key receives `scope: platform` and the positions. What counts over the whole ledger is withheld from it: empty, null or zero, whatever is open.
         */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/totals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sums of the balances of accounts, per asset
         * @description Exact sums over accounts, updated in the transaction of their balances. `group_by` and filters may be repeated; a filter with several values matches any of them. Groups without an account are omitted. Layer1's `blockchain` funds are the available and the reserved ones together: they are summed only where `account_type` is a group or a filter.
         */
        get: operations["listTotals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/trades": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The trades, the one that changed last first
         * @description At a position, the one that had changed last by then comes first; as of a time alone, the one that was opened last. As of a time, stage, times and history show what had happened by then; the other fields show all that is known. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listTrades"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/trades/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One trade with the newest entries of its history
         * @description As of a time, stage, times and history show what had happened by then; the other fields show all that is known.
         */
        get: operations["getTrade"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/trades/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole history of one trade, in order */
        get: operations["listTradeHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/withdrawals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The withdrawals, the one that changed last first
         * @description At a position, the one that had changed last by then comes first; as of a time alone, the one that was opened last. As of a time, stage, times and history show what had happened by then; the other fields show all that is known. A page may have fewer records than `limit` although `next_cursor` is given.
         */
        get: operations["listWithdrawals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/withdrawals/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One withdrawal with the newest entries of its history
         * @description As of a time, stage, times and history show what had happened by then; the other fields show all that is known.
         */
        get: operations["getWithdrawal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/withdrawals/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole history of one withdrawal, in order */
        get: operations["listWithdrawalHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Acknowledgement: {
            actor: string;
            anomaly_id: string;
            note: string;
        };
        /** @description Exact decimal, without exponent or trailing zeros */
        Amount: string;
        Anomaly: {
            acknowledged_at: components["schemas"]["Instant"] | null;
            acknowledged_by: string | null;
            closed_position: components["schemas"]["Position"] | null;
            detail: {
                [key: string]: components["schemas"]["Json"];
            };
            id: string;
            /**
             * @description more words may come
             * @example gap
             * @example contradiction
             * @example illegal_step
             * @example invariant
             * @example account_id_conflict
             * @example id_conflict
             * @example type_conflict
             * @example unknown_word
             * @example clock
             * @example foreign_event
             * @example unlisted
             * @example stopped
             * @example stuck
             */
            kind: string;
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            model: string;
            note: string | null;
            opened_at: components["schemas"]["Instant"] | null;
            opened_position: components["schemas"]["Position"];
            subject: string;
        };
        AnomalyCount: {
            /**
             * @description more words may come
             * @example gap
             * @example contradiction
             * @example illegal_step
             * @example invariant
             * @example account_id_conflict
             * @example id_conflict
             * @example type_conflict
             * @example unknown_word
             * @example clock
             * @example foreign_event
             * @example unlisted
             * @example stopped
             * @example stuck
             */
            kind: string;
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            model: string;
            open: number;
            /** @description The open ones that are not acknowledged */
            unacknowledged: number;
        };
        Balance: {
            account_group: string | null;
            /** @description The provider's id, as last reported */
            account_id: string | null;
            /** @description The ids reported, sorted: the first 32 of them */
            account_ids: string[];
            account_label: string | null;
            account_type: string;
            /** @description Layer1: the blockchain address */
            address: string | null;
            asset: string;
            /** @description null while no report ever stated one */
            balance: components["schemas"]["Amount"] | null;
            id: string;
            last_run_id: string | null;
            open_gaps: number;
            participant_code: string | null;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            /** @enum {string} */
            status: "continuous" | "gap_open" | "contradicted" | "unlisted";
            /** @description Effective time of the last report */
            updated_at: components["schemas"]["Instant"] | null;
        };
        ConsistencyProof: {
            from: components["schemas"]["Position"];
            from_root: components["schemas"]["Sha256"];
            /** @description As in RFC 6962, section 2.1.2 */
            proof: components["schemas"]["Sha256"][];
            to: components["schemas"]["Position"];
            to_root: components["schemas"]["Sha256"];
        };
        Delivery: {
            body_url: string;
            delivery_id: components["schemas"]["Uuid"];
            erased: components["schemas"]["Erasure"] | null;
            facts: components["schemas"]["Event"][];
            has_more: boolean;
            received: components["schemas"]["Event"];
        };
        DeliverySummary: {
            /**
             * @description more words may come
             * @example webhook
             * @example feed
             * @example backfill
             * @example import
             */
            channel: string;
            delivery_id: components["schemas"]["Uuid"];
            /** @description Names the key that it was checked with */
            key_id: components["schemas"]["Sha256"] | null;
            /** @description Bytes; null if they contain other parties' facts */
            length: number | null;
            /**
             * @description more words may come
             * @example recorded
             * @example repeated
             * @example quarantined
             * @example dismissed
             */
            outcome: string;
            payload_type: string;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            received_at: components["schemas"]["Instant"];
            /** @description Of the signature that was checked */
            scheme: string | null;
            /**
             * @description more words may come
             * @example valid
             * @example stale
             * @example unsigned
             * @example none
             */
            signature: string;
        };
        Deposit: {
            account_group: string | null;
            account_label: string | null;
            amount: components["schemas"]["Amount"] | null;
            asset: string | null;
            /** @description What was booked, less what was taken back; null where no booking is known */
            credited_amount: components["schemas"]["Amount"] | null;
            fee: components["schemas"]["Amount"] | null;
            fee_asset: string | null;
            fund: {
                fund_id: string | null;
                notional: components["schemas"]["Amount"] | null;
                quoted_currency: string | null;
                rate: components["schemas"]["Amount"] | null;
                reason: string | null;
                reason_code: string | null;
                success: boolean | null;
            } | null;
            /** @description The newest 100 entries, in order */
            history: components["schemas"]["HistoryEntry"][];
            /** @description Entries of the whole history */
            history_length: number;
            id: string;
            identifiers: {
                deposit_id: string | null;
                fund_id: string | null;
                movement_ids: string[];
                payment_id: string | null;
                transaction_hash: string | null;
                transfer_id: string | null;
            };
            /** @enum {string} */
            link: "stated" | "inferred" | "unmatched";
            network: string | null;
            opened_at: components["schemas"]["Instant"] | null;
            participant_code: string | null;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            provider_status: string | null;
            reason: string | null;
            reason_code: string | null;
            received_address: string | null;
            reference: string | null;
            source_address: string | null;
            /** @enum {string} */
            stage: "detected" | "unconfirmed" | "confirmed" | "screening" | "held" | "credited" | "failed" | "rejected" | "quarantined" | "returned";
            /** @description By the clock, at query time; null elsewhere */
            stuck: boolean | null;
            updated_at: components["schemas"]["Instant"] | null;
        };
        Entry: {
            balance: components["schemas"]["Amount"];
            before_run_id: string | null;
            effective_at: components["schemas"]["Instant"] | null;
            /** @constant */
            kind: "opening";
            position: components["schemas"]["Position"];
        } | {
            balance: components["schemas"]["Amount"] | null;
            change: components["schemas"]["Amount"] | null;
            /** @description Whether it, or one of its movements, was corrected after it was first recorded */
            corrected: boolean;
            delivery_id: components["schemas"]["Uuid"] | null;
            effective_at: components["schemas"]["Instant"] | null;
            /** @constant */
            kind: "run";
            late: boolean;
            movement_count: number;
            /** @description The first of them, by id */
            movements: components["schemas"]["Movement"][];
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            run_id: string;
            run_type: string | null;
        } | {
            balance: components["schemas"]["Amount"] | null;
            change: null;
            connection: string | null;
            /** @description Whether it was corrected after it was first recorded */
            corrected: boolean;
            delivery_id: components["schemas"]["Uuid"] | null;
            effective_at: components["schemas"]["Instant"] | null;
            frame: number | null;
            /** @constant */
            kind: "snapshot";
            late: boolean;
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            run_id: null;
        } | {
            after_run_id: string | null;
            before_run_id: string | null;
            closed_position: components["schemas"]["Position"] | null;
            /** @constant */
            kind: "gap";
            missing_amount: components["schemas"]["Amount"];
            opened_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
        } | {
            contradicted_by: {
                [key: string]: components["schemas"]["Json"];
            };
            delivery_id: components["schemas"]["Uuid"] | null;
            effective_at: components["schemas"]["Instant"] | null;
            /** @constant */
            kind: "contradiction";
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            run_id: string | null;
            stated: {
                [key: string]: components["schemas"]["Json"];
            };
        };
        Erasure: {
            actor: string;
            erased_at: components["schemas"]["Instant"];
            event_id: components["schemas"]["Uuid"];
            note: string;
            position: components["schemas"]["Position"];
        };
        Event: {
            causation_id: components["schemas"]["Uuid"] | null;
            correlation_id: string | null;
            /** @description As stored */
            data: {
                [key: string]: components["schemas"]["Json"];
            };
            hash: components["schemas"]["Sha256"];
            id: components["schemas"]["Uuid"];
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            recorded_at: components["schemas"]["Instant"];
            /** @description In which version data is written */
            schema_version: number;
            subject: string;
            type: string;
        };
        EventDetail: {
            /** @description Its amendments in order: one page at most */
            amendments: components["schemas"]["Event"][];
            causation_id: components["schemas"]["Uuid"] | null;
            correlation_id: string | null;
            /** @description As stored */
            data: {
                [key: string]: components["schemas"]["Json"];
            };
            /** @description null for an event without a delivery */
            delivery: components["schemas"]["DeliverySummary"] | null;
            hash: components["schemas"]["Sha256"];
            id: components["schemas"]["Uuid"];
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            recorded_at: components["schemas"]["Instant"];
            /** @description In which version data is written */
            schema_version: number;
            subject: string;
            type: string;
        };
        Explanation: {
            /** @description For a balance or an entry, newest line first */
            arithmetic: {
                after: components["schemas"]["Amount"] | null;
                before: components["schemas"]["Amount"] | null;
                change: components["schemas"]["Amount"] | null;
                /** @description `run:<id>`, or `snapshot:<connection>:<frame>` */
                entry: string;
                /** @description The same as one line of text */
                line: string;
                /** @description Between the line below and this one */
                missing: components["schemas"]["Amount"] | null;
                /** @description The entry that the gap follows */
                missing_after: string | null;
            }[];
            deliveries: {
                /** @description null: not checked, because it is large or not visible to the key */
                body: string | null;
                /** @description null for a platform's key if the bytes contain other parties' facts */
                body_sha256: components["schemas"]["Sha256"] | null;
                /**
                 * @description more words may come
                 * @example webhook
                 * @example feed
                 * @example backfill
                 * @example import
                 */
                channel: string;
                connection: string | null;
                /** @description Who erased the bytes and why; null for a platform's key */
                erased: components["schemas"]["Erasure"] | null;
                frame: number | null;
                id: components["schemas"]["Uuid"];
                key_id: components["schemas"]["Sha256"] | null;
                notification_id: string | null;
                payload_type: string;
                position: components["schemas"]["Position"];
                received_at: components["schemas"]["Instant"];
                scheme: string | null;
                /**
                 * @description more words may come
                 * @example valid
                 * @example stale
                 * @example unsigned
                 * @example none
                 */
                signature: string;
            }[];
            /** @description The newest first */
            facts: {
                /** @description The deliveries that stated it */
                delivery_ids: components["schemas"]["Uuid"][];
                event_id: components["schemas"]["Uuid"];
                position: components["schemas"]["Position"];
                /** @enum {string} */
                role: "decides" | "confirms" | "repeats" | "superseded";
                /** @description What the rules decided, in plain English */
                sentence: string;
                type: string;
            }[];
            id: string;
            /** @enum {string} */
            kind: "balance" | "account" | "entry" | "withdrawal" | "deposit" | "trade" | "run" | "anomaly";
            /** @description Continues with older facts; null where there are none */
            next_cursor: string | null;
            /** @description Computed from the facts up to this position */
            position: components["schemas"]["Position"];
            /** @description What is explained; null where nothing is shown of it */
            shown: {
                [key: string]: components["schemas"]["Json"];
            } | null;
        };
        FeedStatus: {
            connection: string;
            /** @description Why it was closed */
            reason: string | null;
            since: components["schemas"]["Instant"];
            /**
             * @description more words may come
             * @example disconnected
             * @example connected
             * @example subscribed
             */
            state: string;
        };
        Generation: {
            digest: components["schemas"]["Sha256"];
            generation: number;
            is_live: boolean;
            model_version: number;
            position: components["schemas"]["Position"];
            state_digest: components["schemas"]["Sha256"];
        };
        HistoryEntry: {
            delivery_id: components["schemas"]["Uuid"] | null;
            /** @description What it is ordered by */
            effective_at: components["schemas"]["Instant"] | null;
            late: boolean;
            /** @description As the provider states it */
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            provider_status: string;
            seconds_in_stage: string | null;
            /**
             * @description more words may come
             * @example movement
             * @example status
             * @example payment
             * @example fund
             * @example relink
             */
            source: string;
            /** @description null: kept in the history only */
            stage: string | null;
        };
        InclusionProof: {
            /** @description The event's hash */
            hash: components["schemas"]["Sha256"];
            leaf: components["schemas"]["Sha256"];
            position: components["schemas"]["Position"];
            /** @description The hashes beside the path, from the leaf upwards */
            proof: components["schemas"]["Sha256"][];
            root: components["schemas"]["Sha256"];
            tree_size: components["schemas"]["Position"];
        };
        /** @description ISO 8601 UTC, nanoseconds kept */
        Instant: string;
        Json: unknown;
        LastDelivery: {
            /**
             * @description more words may come
             * @example webhook
             * @example feed
             * @example backfill
             * @example import
             */
            channel: string;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            recorded_at: components["schemas"]["Instant"];
        };
        Movement: {
            change: components["schemas"]["Amount"];
            client_transfer_id: string | null;
            /** @description Whether it was corrected after it was first recorded */
            corrected: boolean;
            deposit_reference_id: string | null;
            movement_id: string;
            movement_type: string | null;
            occurred_at: components["schemas"]["Instant"] | null;
            trade_id: string | null;
            transfer_request_id: string | null;
            transfer_type: string | null;
            withdrawal_request_id: string | null;
        };
        /** @description Place on the ledger's stream, dense from 1 */
        Position: string;
        Problem: {
            /** @description ambiguous_id: ids of the records that it may stand for */
            candidates?: string[];
            /**
             * @description more words may come
             * @example malformed_request
             * @example invalid_query
             * @example invalid_cursor
             * @example unauthenticated
             * @example wrong_role
             * @example foreign_origin
             * @example not_found
             * @example method_not_allowed
             * @example request_timeout
             * @example ambiguous_id
             * @example already_closed
             * @example body_gone
             * @example payload_too_large
             * @example unknown_host
             * @example unsupported_combination
             * @example rate_limited
             * @example headers_too_large
             * @example internal_error
             * @example signature_missing
             * @example signature_invalid
             * @example timestamp_stale
             * @example channel_not_configured
             * @example not_ready
             * @example stream_unavailable
             * @example model_unavailable
             * @example head_key_unusable
             * @example position_timeout
             * @example position_ahead
             * @example overloaded
             * @example rebuild_running
             * @example configuration_invalid
             * @example ledger_mismatch
             * @example stream_corrupted
             * @example stream_forked
             * @example format_too_new
             * @example topics_unavailable
             * @example topics_misconfigured
             * @example port_in_use
             * @example digest_mismatch
             * @example generation_missing
             */
            code: string;
            detail: string;
            /** @description invalid_query: each parameter that is not valid */
            errors?: {
                expected: string;
                found: string | null;
                parameter: string;
            }[];
            status: number;
            title: string;
            /** @description urn:counterfoil:problem:<code> */
            type: string;
        };
        Projection: {
            /** @description Those that are kept, oldest first */
            generations: components["schemas"]["Generation"][];
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            name: string;
            /** @description The last that was started in this process */
            rebuild: components["schemas"]["RebuildProgress"] | null;
        };
        ProjectionStatus: {
            /** @description With scope `platform` it is withheld: always zeros, whatever the ledger has */
            digest: components["schemas"]["Sha256"];
            generation: number;
            lag: number;
            /** @description Age of the oldest event that it has not processed */
            lag_seconds: number;
            model_version: number;
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            name: string;
            position: components["schemas"]["Position"];
            /** @description Why it is `unreadable`; null in any other state. At position 0 its figures and digests are unknown then */
            reason: string | null;
            /**
             * @description more words may come
             * @example live
             * @example catching_up
             * @example waiting
             * @example stopped
             * @example forked
             * @example unreadable
             */
            state: string;
            /** @description With scope `platform` it is withheld: always zeros, whatever the ledger has */
            state_digest: components["schemas"]["Sha256"];
            /** @description With scope `platform` it is withheld: always 0, whatever the ledger has */
            stopped_keys: number;
        };
        PublisherStatus: {
            lag: number;
            lag_seconds: number;
            position: components["schemas"]["Position"];
            /** @description Keys whose records the broker refuses */
            stopped_keys: number;
        };
        QuarantineRetry: {
            delivery_id: components["schemas"]["Uuid"];
            detail: string | null;
            /**
             * @description `tried`: this translation was tried before; `gone`: its bytes are erased; more words may come
             * @example resolved
             * @example unreadable
             * @example tried
             * @example gone
             */
            outcome: string;
        };
        QuarantinedDelivery: {
            /** @description When it was dismissed */
            acknowledged_at: components["schemas"]["Instant"] | null;
            acknowledged_by: string | null;
            attempts: number;
            /**
             * @description more words may come
             * @example webhook
             * @example feed
             * @example backfill
             * @example import
             */
            channel: string;
            delivery_id: components["schemas"]["Uuid"];
            detail: string;
            note: string | null;
            payload_type: string;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            reason: string;
            received_at: components["schemas"]["Instant"];
            resolved_position: components["schemas"]["Position"] | null;
        };
        RebuildProgress: {
            detail: string | null;
            events_per_second: number;
            finished_at: components["schemas"]["Instant"] | null;
            generation: number;
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            model: string;
            position: components["schemas"]["Position"];
            started_at: components["schemas"]["Instant"];
            /**
             * @description more words may come
             * @example waiting
             * @example building
             * @example comparing
             * @example activated
             * @example refused
             * @example failed
             */
            state: string;
            target: components["schemas"]["Position"];
        };
        Run: {
            accounts: {
                account: string;
                balance: components["schemas"]["Amount"] | null;
                change: components["schemas"]["Amount"] | null;
                effective_at: components["schemas"]["Instant"] | null;
                movement_count: number;
                /** @description The first of them, by id */
                movements: components["schemas"]["Movement"][];
                position: components["schemas"]["Position"];
            }[];
            occurred_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            run_id: string;
            run_type: string | null;
        };
        SearchHit: {
            id: string;
            /**
             * @description more words may come
             * @example account
             * @example participant
             * @example account_group
             * @example run
             * @example movement
             * @example withdrawal
             * @example deposit
             * @example trade
             * @example delivery
             * @example event
             * @example anomaly
             */
            kind: string;
            /**
             * @description Which of its identifiers it is; `identifier`: any other of a record's; more words may come
             * @example id
             * @example id_prefix
             * @example account_id
             * @example participant_code
             * @example account_group
             * @example address
             * @example run_id
             * @example movement_id
             * @example identifier
             * @example position
             */
            matched: string;
            /** @description Where the console shows it */
            path: string;
            /** @description In words, for people */
            title: string;
        };
        Sha256: string;
        Status: {
            /** @description With scope `platform` it is withheld: always empty, whatever the ledger has */
            anomalies: components["schemas"]["AnomalyCount"][];
            /**
             * @description more words may come
             * @example memory
             * @example sqlite
             * @example postgres
             * @example eventstore
             */
            engine: string;
            environment: string;
            /** @description null: no feed was ever opened, or balances cannot be read. With scope `platform` it is withheld: always null, whatever the ledger has */
            feed: components["schemas"]["FeedStatus"] | null;
            head: components["schemas"]["Position"];
            /** @description With scope `platform` it is withheld: always zeros, whatever the ledger has */
            head_hash: components["schemas"]["Sha256"];
            /** @description As far as the balances model has read the stream, see its `lag`; empty where it cannot be read. With scope `platform` it is withheld: always empty, whatever the ledger has */
            last_deliveries: components["schemas"]["LastDelivery"][];
            ledger: string;
            /** @description Empty where all is well. With scope `platform` it is withheld: always empty, whatever the ledger has */
            needs_a_person: {
                do: string;
                what: string;
            }[];
            projections: components["schemas"]["ProjectionStatus"][];
            /** @description null: nothing is published, or it cannot be read how far. With scope `platform` it is withheld: always null, whatever the ledger has */
            publisher: components["schemas"]["PublisherStatus"] | null;
            /** @description null where the balances model cannot be read. With scope `platform` it is withheld: always null, whatever the ledger has */
            quarantined: {
                open: number;
                /** @description The open ones that are not acknowledged */
                unacknowledged: number;
            } | null;
            /**
             * @description What the answer covers. `platform`: the key is limited to one platform, and what counts over the whole ledger is withheld; `/v1/anomalies` and `stuck=true` of the lists show what is open for that platform; more words may come
             * @example ledger
             * @example platform
             */
            scope: string;
            /** @description With scope `platform` it is withheld: always empty, whatever the ledger has */
            stuck: components["schemas"]["StuckCount"][];
        };
        StuckCount: {
            /**
             * @description more words may come
             * @example balances
             * @example withdrawals
             * @example deposits
             * @example trades
             */
            model: string;
            open: number;
            stage: string;
            /** @description The open ones that are not acknowledged */
            unacknowledged: number;
        };
        Total: {
            /** @description Where it is grouped by; null: Layer1 has none */
            account_group?: string | null;
            /** @description Where it is grouped by */
            account_type?: string;
            /** @description Including accounts without a known balance */
            accounts: number;
            /** @description Accounts with another status than `continuous`: the total is as uncertain as their balances. Null until a model that counts them is built */
            accounts_uncertain: number | null;
            accounts_with_gaps: number;
            asset: string;
            /**
             * @description Where it is grouped by
             * @example zerohash
             * @example layer1
             */
            provider?: string;
            /** @description Of all known balances */
            total: components["schemas"]["Amount"];
        };
        Trade: {
            /** @description The provider's fields, as last reported */
            fields: {
                [key: string]: components["schemas"]["Json"];
            };
            /** @description The newest 100 entries, in order */
            history: components["schemas"]["HistoryEntry"][];
            /** @description Entries of the whole history */
            history_length: number;
            id: string;
            opened_at: components["schemas"]["Instant"] | null;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            provider_status: string | null;
            stage: ("accepted" | "active" | "terminated") | null;
            stuck: boolean | null;
            trade_id: string;
            updated_at: components["schemas"]["Instant"] | null;
        };
        TreeHead: {
            /** @description The hash of position 1: it identifies the ledger */
            genesis: components["schemas"]["Sha256"];
            /** @description The hash of the event at the position */
            hash: components["schemas"]["Sha256"];
            /** @description SHA-256 of the public key's 32 bytes */
            key_id: components["schemas"]["Sha256"];
            ledger: string;
            /** @description Of the map from each subject to its events */
            map_root: components["schemas"]["Sha256"];
            position: components["schemas"]["Position"];
            /** @description The Ed25519 key, 32 bytes in hex */
            public_key: components["schemas"]["Sha256"];
            /** @description Of the RFC 6962 tree over the events' hashes */
            root: components["schemas"]["Sha256"];
            /** @description Ed25519, see docs/stream-format.md */
            signature: string;
            signed_at: components["schemas"]["Instant"];
            /** @description Leaves of the tree: the position */
            tree_size: components["schemas"]["Position"];
        };
        Uuid: string;
        Withdrawal: {
            account_group: string | null;
            account_label: string | null;
            amount: components["schemas"]["Amount"] | null;
            asset: string | null;
            /** @description The payee, where it is not the owner */
            beneficiary: string | null;
            destination_address: string | null;
            fee: components["schemas"]["Amount"] | null;
            fee_asset: string | null;
            /** @description The newest 100 entries, in order */
            history: components["schemas"]["HistoryEntry"][];
            /** @description Entries of the whole history */
            history_length: number;
            id: string;
            identifiers: {
                movement_ids: string[];
                payment_id: string | null;
                transaction_hash: string | null;
                transfer_id: string | null;
                withdrawal_request_id: string | null;
            };
            /** @enum {string} */
            link: "stated" | "inferred" | "unmatched";
            network: string | null;
            opened_at: components["schemas"]["Instant"] | null;
            participant_code: string | null;
            position: components["schemas"]["Position"];
            /**
             * @description more words may come
             * @example zerohash
             * @example layer1
             */
            provider: string;
            provider_status: string | null;
            quoted_currency: string | null;
            reason: string | null;
            reason_code: string | null;
            /** @description What was taken; less than the amount by its fees */
            settled_amount: components["schemas"]["Amount"] | null;
            /** @enum {string} */
            stage: "requested" | "pending" | "approved" | "broadcast" | "confirmed" | "settled" | "failed" | "rejected" | "returned";
            /** @description By the clock, at query time; null elsewhere */
            stuck: boolean | null;
            /** @description In the quoted currency */
            total: components["schemas"]["Amount"] | null;
            updated_at: components["schemas"]["Instant"] | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": {
                        /** @enum {string} */
                        status: "ok";
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        openapi: string;
                    } & {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ready"
                     *     }
                     */
                    "application/json": {
                        /** @enum {string} */
                        status: "ready";
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_ready`: The service does not take requests just now; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAccount: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description Our id (percent-encoded once more, like any text in a path) or the provider's */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "account_group": "F12JE6",
                     *         "account_id": "5c01c19f-507b-43cf-a370-a8e6de1a71ac",
                     *         "account_ids": [
                     *           "5c01c19f-507b-43cf-a370-a8e6de1a71ac"
                     *         ],
                     *         "account_label": "general",
                     *         "account_type": "available",
                     *         "address": null,
                     *         "asset": "BTC",
                     *         "balance": "0.00015102",
                     *         "id": "zerohash:45JM2Q:F12JE6:general:available:BTC",
                     *         "last_run_id": "4150532",
                     *         "open_gaps": 0,
                     *         "participant_code": "45JM2Q",
                     *         "position": "47",
                     *         "provider": "zerohash",
                     *         "status": "continuous",
                     *         "updated_at": "2025-05-01T15:10:00.938Z"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Balance"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEntries: {
        parameters: {
            query?: {
                /** @description `desc`: the newest first */
                order?: "asc" | "desc";
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Our id (percent-encoded once more, like any text in a path) or the provider's */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "balance": "0.00009968",
                     *           "before_run_id": "4150532",
                     *           "effective_at": "2025-05-01T15:10:00.938Z",
                     *           "kind": "opening",
                     *           "position": "47"
                     *         },
                     *         {
                     *           "balance": "0.00015102",
                     *           "change": "0.00005134",
                     *           "corrected": false,
                     *           "delivery_id": "6858420d-ce2d-571d-9847-7825919da7ee",
                     *           "effective_at": "2025-05-01T15:10:00.938Z",
                     *           "kind": "run",
                     *           "late": false,
                     *           "movement_count": 1,
                     *           "movements": [
                     *             {
                     *               "change": "0.00005134",
                     *               "client_transfer_id": null,
                     *               "corrected": false,
                     *               "deposit_reference_id": null,
                     *               "movement_id": "f16e0fad-e573-46da-a3a1-465a5a348648",
                     *               "movement_type": "final_settlement_outstanding",
                     *               "occurred_at": "2025-05-01T15:10:00.938Z",
                     *               "trade_id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *               "transfer_request_id": null,
                     *               "transfer_type": null,
                     *               "withdrawal_request_id": null
                     *             }
                     *           ],
                     *           "occurred_at": "2025-05-01T15:10:00.938Z",
                     *           "position": "47",
                     *           "run_id": "4150532",
                     *           "run_type": "settlement"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Entry"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAnomalies: {
        parameters: {
            query?: {
                /** @description Only this kind; if repeated, any of the values */
                kind?: ("gap" | "contradiction" | "illegal_step" | "invariant" | "account_id_conflict" | "id_conflict" | "type_conflict" | "unknown_word" | "clock" | "foreign_event" | "unlisted" | "stopped" | "stuck") | ("gap" | "contradiction" | "illegal_step" | "invariant" | "account_id_conflict" | "id_conflict" | "type_conflict" | "unknown_word" | "clock" | "foreign_event" | "unlisted" | "stopped" | "stuck")[];
                /** @description Only this model's; if repeated, any of the values */
                model?: ("balances" | "withdrawals" | "deposits" | "trades") | ("balances" | "withdrawals" | "deposits" | "trades")[];
                /** @description Only those of this record; if repeated, any of the values */
                subject?: string | string[];
                /** @description true: only those that are open; false: only those that were closed */
                open?: "true" | "false";
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "acknowledged_at": null,
                     *           "acknowledged_by": null,
                     *           "closed_position": null,
                     *           "detail": {
                     *             "after_run_id": "1",
                     *             "before_run_id": "3",
                     *             "missing_amount": "5"
                     *           },
                     *           "id": "gap:zerohash:P1:G1:general:available:USD:1..3",
                     *           "kind": "gap",
                     *           "model": "balances",
                     *           "note": null,
                     *           "opened_at": "2025-06-01T00:00:03Z",
                     *           "opened_position": "155",
                     *           "subject": "zerohash:P1:G1:general:available:USD"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Anomaly"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAnomaly: {
        parameters: {
            query?: {
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description The anomaly's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "acknowledged_at": null,
                     *         "acknowledged_by": null,
                     *         "closed_position": null,
                     *         "detail": {
                     *           "after_run_id": "1",
                     *           "before_run_id": "3",
                     *           "missing_amount": "5"
                     *         },
                     *         "id": "gap:zerohash:P1:G1:general:available:USD:1..3",
                     *         "kind": "gap",
                     *         "model": "balances",
                     *         "note": null,
                     *         "opened_at": "2025-06-01T00:00:03Z",
                     *         "opened_position": "155",
                     *         "subject": "zerohash:P1:G1:general:available:USD"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Anomaly"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    acknowledgeAnomaly: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The anomaly */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The reason, for later readers */
                    note: string;
                };
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "actor": "key:5d1c0b0e-0000-4000-8000-000000000000 (ada)",
                     *         "anomaly_id": "gap:zerohash:P1:G1:general:available:USD:1..3",
                     *         "note": "asked the provider"
                     *       },
                     *       "position": "168"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Acknowledgement"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that; `foreign_origin`: A page of another origin may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_closed`: It is closed already */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBalances: {
        parameters: {
            query?: {
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Zero Hash: the participant; if repeated, any of the values */
                participant_code?: string | string[];
                /** @description Zero Hash: the platform's group; if repeated, any of the values */
                account_group?: string | string[];
                /** @description Zero Hash: the label; if repeated, any of the values */
                account_label?: string | string[];
                /** @description available, collateral, …; if repeated, any of the values */
                account_type?: string | string[];
                /** @description The asset's code; if repeated, any of the values */
                asset?: string | string[];
                /** @description Any present or former id of the account at the provider; if repeated, any of the values */
                account_id?: string | string[];
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "account_group": "F12JE6",
                     *           "account_id": "5c01c19f-507b-43cf-a370-a8e6de1a71ac",
                     *           "account_ids": [
                     *             "5c01c19f-507b-43cf-a370-a8e6de1a71ac"
                     *           ],
                     *           "account_label": "general",
                     *           "account_type": "available",
                     *           "address": null,
                     *           "asset": "BTC",
                     *           "balance": "0.00015102",
                     *           "id": "zerohash:45JM2Q:F12JE6:general:available:BTC",
                     *           "last_run_id": "4150532",
                     *           "open_gaps": 0,
                     *           "participant_code": "45JM2Q",
                     *           "position": "47",
                     *           "provider": "zerohash",
                     *           "status": "continuous",
                     *           "updated_at": "2025-05-01T15:10:00.938Z"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6IjVmYWJhNjY4N2E2ZTA4MzUiLCJrZXkiOlsiemVyb2hhc2g6NDVKTTJROkYxMkpFNjpnZW5lcmFsOmF2YWlsYWJsZTpCVEMiXX0",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Balance"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamChanges: {
        parameters: {
            query?: {
                /** @description Only changes of these models; the parameter may be repeated */
                model?: ("balances" | "withdrawals" | "deposits" | "trades" | "anomalies") | ("balances" | "withdrawals" | "deposits" | "trades" | "anomalies")[];
                /** @description Starts after this position or change; `0` starts with the first change. By default only new changes are sent */
                after?: string;
            };
            header?: {
                /** @description The id of the last change that was read; takes precedence over `after` */
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example id: 20.2
                     *     event: anomalies
                     *     data: {"id":"account_id_conflict:zerohash:DEF456:ABC123:general:collateral:BTC:account_ids","kind":"account_id_conflict","model":"balances","subject":"zerohash:DEF456:ABC123:general:collateral:BTC","detail":{"account_ids":["6c12b928-6bc0-4139-b9ea-ffa636c2a8b8","6c12b928-6bc0-4139-b9ea-ffa636c2a8b88"]},"opened_at":"2021-11-29T12:37:06.534177Z","opened_position":"20","closed_position":null,"acknowledged_at":null,"acknowledged_by":null,"note":null,"position":"20"}
                     */
                    "text/event-stream": string;
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only deliveries of this channel; if repeated, any of the values */
                channel?: ("webhook" | "feed" | "backfill" | "import") | ("webhook" | "feed" | "backfill" | "import")[];
                /** @description Only bodies of this type; if repeated, any of the values */
                payload_type?: string | string[];
                /** @description Only deliveries with this outcome; if repeated, any of the values */
                outcome?: ("recorded" | "repeated" | "quarantined" | "dismissed") | ("recorded" | "repeated" | "quarantined" | "dismissed")[];
                /** @description Only deliveries whose signature was verified with this key; if repeated, any of the values */
                key_id?: string | string[];
                /** @description Only what was recorded at this time or later */
                since?: string;
                /** @description Only what was recorded before this time */
                until?: string;
                /** @description asc: the oldest first; desc: the newest first; default desc */
                order?: "asc" | "desc";
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "channel": "webhook",
                     *           "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *           "key_id": null,
                     *           "length": 2,
                     *           "outcome": "quarantined",
                     *           "payload_type": "weather.changed",
                     *           "position": "156",
                     *           "provider": "zerohash",
                     *           "received_at": "2026-01-01T00:00:00.060Z",
                     *           "scheme": null,
                     *           "signature": "valid"
                     *         },
                     *         {
                     *           "channel": "webhook",
                     *           "delivery_id": "717e977e-58d0-5072-903f-2b8e8e935228",
                     *           "key_id": null,
                     *           "length": 415,
                     *           "outcome": "recorded",
                     *           "payload_type": "account_balance.changed",
                     *           "position": "152",
                     *           "provider": "zerohash",
                     *           "received_at": "2026-01-01T00:00:00.059Z",
                     *           "scheme": null,
                     *           "signature": "valid"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6ImFjZjE0ZmRlZGFmZjJhYzciLCJrZXkiOlsxNTJdfQ",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["DeliverySummary"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The delivery's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "body_url": "/v1/deliveries/967e8b97-e2de-508b-a3f4-916e3bd49ab7/body",
                     *         "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *         "erased": null,
                     *         "facts": [
                     *           {
                     *             "causation_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *             "correlation_id": null,
                     *             "data": {
                     *               "channel": "webhook",
                     *               "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *               "detail": "payload type \"weather.changed\"",
                     *               "payload_type": "weather.changed",
                     *               "provider": "zerohash",
                     *               "reason": "unknown_type",
                     *               "received_at": "2026-01-01T00:00:00.060Z",
                     *               "translation": 3
                     *             },
                     *             "hash": "bb1cd1a14669fe31f6625c354ba11dec3c18f2cebbb086c68191598057497933",
                     *             "id": "1c24615b-5ad7-5948-afa0-3eddebaef849",
                     *             "occurred_at": null,
                     *             "position": "157",
                     *             "recorded_at": "2026-01-01T00:00:00.060Z",
                     *             "schema_version": 1,
                     *             "subject": "delivery:967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *             "type": "DeliveryQuarantined"
                     *           }
                     *         ],
                     *         "has_more": false,
                     *         "received": {
                     *           "causation_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *           "correlation_id": null,
                     *           "data": {
                     *             "channel": "webhook",
                     *             "length": 2,
                     *             "payload_type": "weather.changed",
                     *             "provider": "zerohash",
                     *             "received_at": "2026-01-01T00:00:00.060Z",
                     *             "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                     *             "translation": 3,
                     *             "verdict": {
                     *               "signature": "valid"
                     *             }
                     *           },
                     *           "hash": "86fbfc3c2280d1e28f203731db7167da1594ef8cabf9336950fab1c6893804a8",
                     *           "id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *           "occurred_at": null,
                     *           "position": "156",
                     *           "recorded_at": "2026-01-01T00:00:00.060Z",
                     *           "schema_version": 1,
                     *           "subject": "delivery:967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *           "type": "DeliveryReceived"
                     *         }
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Delivery"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDeliveryBody: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The delivery's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body_gone`: The body was erased */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeposits: {
        parameters: {
            query?: {
                /** @description Only those in this stage; if repeated, any of the values */
                stage?: ("detected" | "unconfirmed" | "confirmed" | "screening" | "held" | "credited" | "failed" | "rejected" | "quarantined" | "returned") | ("detected" | "unconfirmed" | "confirmed" | "screening" | "held" | "credited" | "failed" | "rejected" | "quarantined" | "returned")[];
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); if repeated, any of the values */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); if repeated, any of the values */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; if repeated, any of the values */
                account_group?: string | string[];
                /** @description Only those with this id, hash or reference, present or former; if repeated, any of the values */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "account_group": null,
                     *           "account_label": "general",
                     *           "amount": "1.25",
                     *           "asset": "ETH",
                     *           "credited_amount": null,
                     *           "fee": null,
                     *           "fee_asset": null,
                     *           "fund": null,
                     *           "history": [
                     *             {
                     *               "delivery_id": "e1d846b5-044c-5bac-a5c3-e1b2ef43c7a5",
                     *               "effective_at": "2026-01-01T00:00:00.016Z",
                     *               "late": false,
                     *               "occurred_at": "2026-04-29T10:00:00Z",
                     *               "position": "57",
                     *               "provider_status": "initial",
                     *               "seconds_in_stage": "0.001",
                     *               "source": "status",
                     *               "stage": "detected"
                     *             },
                     *             {
                     *               "delivery_id": "8e3b9f83-2abb-54dd-b09a-20f59659bdba",
                     *               "effective_at": "2026-01-01T00:00:00.017Z",
                     *               "late": false,
                     *               "occurred_at": "2026-04-29T10:03:03Z",
                     *               "position": "59",
                     *               "provider_status": "confirmed",
                     *               "seconds_in_stage": "0.001",
                     *               "source": "status",
                     *               "stage": "confirmed"
                     *             },
                     *             {
                     *               "delivery_id": "71a028d4-d2b3-51a8-b8a3-bcd24d838019",
                     *               "effective_at": "2026-01-01T00:00:00.018Z",
                     *               "late": false,
                     *               "occurred_at": "2026-04-29T10:03:04Z",
                     *               "position": "61",
                     *               "provider_status": "pending_compliance_review",
                     *               "seconds_in_stage": "0.002",
                     *               "source": "status",
                     *               "stage": "screening"
                     *             },
                     *             {
                     *               "delivery_id": "52e9bbbf-110a-5dfb-b823-5c85b090994d",
                     *               "effective_at": "2026-01-01T00:00:00.019Z",
                     *               "late": false,
                     *               "occurred_at": "2026-04-29T11:03:11Z",
                     *               "position": "63",
                     *               "provider_status": "pending_settlement",
                     *               "seconds_in_stage": null,
                     *               "source": "status",
                     *               "stage": null
                     *             },
                     *             {
                     *               "delivery_id": "fb05ca11-c90a-582f-8dee-5ddc0b822e8a",
                     *               "effective_at": "2026-01-01T00:00:00.020Z",
                     *               "late": false,
                     *               "occurred_at": "2026-04-29T11:03:13Z",
                     *               "position": "65",
                     *               "provider_status": "completed",
                     *               "seconds_in_stage": null,
                     *               "source": "status",
                     *               "stage": "credited"
                     *             }
                     *           ],
                     *           "history_length": 5,
                     *           "id": "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
                     *           "identifiers": {
                     *             "deposit_id": "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
                     *             "fund_id": null,
                     *             "movement_ids": [],
                     *             "payment_id": null,
                     *             "transaction_hash": "0x5fee8f91e72d6baba7b95af5a031ea3b3e1ae527009f401b5403a3c2f3294530",
                     *             "transfer_id": null
                     *           },
                     *           "link": "stated",
                     *           "network": null,
                     *           "opened_at": "2026-01-01T00:00:00.016Z",
                     *           "participant_code": "PART123",
                     *           "position": "65",
                     *           "provider": "zerohash",
                     *           "provider_status": "completed",
                     *           "reason": null,
                     *           "reason_code": null,
                     *           "received_address": "0xf6483454996bce404d62656eb3cbcf87232dc153",
                     *           "reference": null,
                     *           "source_address": "0xae9e8a1235e1113f936a38492c70fbb4ee297cdb",
                     *           "stage": "credited",
                     *           "stuck": false,
                     *           "updated_at": "2026-01-01T00:00:00.020Z"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6ImVlNzljNDk1NmUyOWI5ZTMiLCJrZXkiOlsiMTc2NzIyNTYwMDAyMDAwMDAwMCIsIjdmMGYxZjNlLTBhNTMtNGMxZi05YTRiLTZmM2MwZDBmN2Q1MiJdfQ",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Deposit"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDeposit: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the deposit: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "account_group": null,
                     *         "account_label": "general",
                     *         "amount": "1.25",
                     *         "asset": "ETH",
                     *         "credited_amount": null,
                     *         "fee": null,
                     *         "fee_asset": null,
                     *         "fund": null,
                     *         "history": [
                     *           {
                     *             "delivery_id": "e1d846b5-044c-5bac-a5c3-e1b2ef43c7a5",
                     *             "effective_at": "2026-01-01T00:00:00.016Z",
                     *             "late": false,
                     *             "occurred_at": "2026-04-29T10:00:00Z",
                     *             "position": "57",
                     *             "provider_status": "initial",
                     *             "seconds_in_stage": "0.001",
                     *             "source": "status",
                     *             "stage": "detected"
                     *           },
                     *           {
                     *             "delivery_id": "8e3b9f83-2abb-54dd-b09a-20f59659bdba",
                     *             "effective_at": "2026-01-01T00:00:00.017Z",
                     *             "late": false,
                     *             "occurred_at": "2026-04-29T10:03:03Z",
                     *             "position": "59",
                     *             "provider_status": "confirmed",
                     *             "seconds_in_stage": "0.001",
                     *             "source": "status",
                     *             "stage": "confirmed"
                     *           },
                     *           {
                     *             "delivery_id": "71a028d4-d2b3-51a8-b8a3-bcd24d838019",
                     *             "effective_at": "2026-01-01T00:00:00.018Z",
                     *             "late": false,
                     *             "occurred_at": "2026-04-29T10:03:04Z",
                     *             "position": "61",
                     *             "provider_status": "pending_compliance_review",
                     *             "seconds_in_stage": "0.002",
                     *             "source": "status",
                     *             "stage": "screening"
                     *           },
                     *           {
                     *             "delivery_id": "52e9bbbf-110a-5dfb-b823-5c85b090994d",
                     *             "effective_at": "2026-01-01T00:00:00.019Z",
                     *             "late": false,
                     *             "occurred_at": "2026-04-29T11:03:11Z",
                     *             "position": "63",
                     *             "provider_status": "pending_settlement",
                     *             "seconds_in_stage": null,
                     *             "source": "status",
                     *             "stage": null
                     *           },
                     *           {
                     *             "delivery_id": "fb05ca11-c90a-582f-8dee-5ddc0b822e8a",
                     *             "effective_at": "2026-01-01T00:00:00.020Z",
                     *             "late": false,
                     *             "occurred_at": "2026-04-29T11:03:13Z",
                     *             "position": "65",
                     *             "provider_status": "completed",
                     *             "seconds_in_stage": null,
                     *             "source": "status",
                     *             "stage": "credited"
                     *           }
                     *         ],
                     *         "history_length": 5,
                     *         "id": "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
                     *         "identifiers": {
                     *           "deposit_id": "7f0f1f3e-0a53-4c1f-9a4b-6f3c0d0f7d52",
                     *           "fund_id": null,
                     *           "movement_ids": [],
                     *           "payment_id": null,
                     *           "transaction_hash": "0x5fee8f91e72d6baba7b95af5a031ea3b3e1ae527009f401b5403a3c2f3294530",
                     *           "transfer_id": null
                     *         },
                     *         "link": "stated",
                     *         "network": null,
                     *         "opened_at": "2026-01-01T00:00:00.016Z",
                     *         "participant_code": "PART123",
                     *         "position": "65",
                     *         "provider": "zerohash",
                     *         "provider_status": "completed",
                     *         "reason": null,
                     *         "reason_code": null,
                     *         "received_address": "0xf6483454996bce404d62656eb3cbcf87232dc153",
                     *         "reference": null,
                     *         "source_address": "0xae9e8a1235e1113f936a38492c70fbb4ee297cdb",
                     *         "stage": "credited",
                     *         "stuck": false,
                     *         "updated_at": "2026-01-01T00:00:00.020Z"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Deposit"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDepositHistory: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the deposit: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "delivery_id": "e1d846b5-044c-5bac-a5c3-e1b2ef43c7a5",
                     *           "effective_at": "2026-01-01T00:00:00.016Z",
                     *           "late": false,
                     *           "occurred_at": "2026-04-29T10:00:00Z",
                     *           "position": "57",
                     *           "provider_status": "initial",
                     *           "seconds_in_stage": "0.001",
                     *           "source": "status",
                     *           "stage": "detected"
                     *         },
                     *         {
                     *           "delivery_id": "8e3b9f83-2abb-54dd-b09a-20f59659bdba",
                     *           "effective_at": "2026-01-01T00:00:00.017Z",
                     *           "late": false,
                     *           "occurred_at": "2026-04-29T10:03:03Z",
                     *           "position": "59",
                     *           "provider_status": "confirmed",
                     *           "seconds_in_stage": "0.001",
                     *           "source": "status",
                     *           "stage": "confirmed"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6ImYyNDg4MGI2YTc5ZTlhOTQiLCJrZXkiOlsiMTc2NzIyNTYwMDAxNzAwMDAwMCIsMywiY29uZmlybWVkOjBhMTY0MmUwNjE3YTEzYmEiLDBdfQ",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["HistoryEntry"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Only events after this position */
                after?: string;
                /** @description Like `type`, but several in one parameter */
                types?: string;
                /** @description Only events of this type; if repeated, any of the values */
                type?: ("LedgerOpened" | "DeliveryReceived" | "DeliveryDivided" | "DeliveryCompleted" | "DeliveryQuarantined" | "QuarantineRetried" | "RunRecorded" | "MovementRecorded" | "BalanceReported" | "FundsReported" | "DepositStatusReported" | "WithdrawalStatusReported" | "PaymentStatusReported" | "FundReported" | "TradeStatusReported" | "NotificationRecorded" | "FeedOpened" | "FeedClosed" | "SnapshotCompleted" | "SocketOrderRecorded" | "FactSeen" | "FactContradicted" | "FactCorrected" | "FactWithdrawn" | "ModelActivated" | "OperatorActed" | "AnomalyAcknowledged" | "QuarantineDismissed" | "BodyErased" | "ApiKeyCreated" | "ApiKeyRevoked" | "HeadKeyRotated" | "ForeignEvent") | ("LedgerOpened" | "DeliveryReceived" | "DeliveryDivided" | "DeliveryCompleted" | "DeliveryQuarantined" | "QuarantineRetried" | "RunRecorded" | "MovementRecorded" | "BalanceReported" | "FundsReported" | "DepositStatusReported" | "WithdrawalStatusReported" | "PaymentStatusReported" | "FundReported" | "TradeStatusReported" | "NotificationRecorded" | "FeedOpened" | "FeedClosed" | "SnapshotCompleted" | "SocketOrderRecorded" | "FactSeen" | "FactContradicted" | "FactCorrected" | "FactWithdrawn" | "ModelActivated" | "OperatorActed" | "AnomalyAcknowledged" | "QuarantineDismissed" | "BodyErased" | "ApiKeyCreated" | "ApiKeyRevoked" | "HeadKeyRotated" | "ForeignEvent")[];
                /** @description Only events of this subject; if repeated, any of the values */
                subject?: string | string[];
                /** @description Only events of this request or feed connection; if repeated, any of the values */
                correlation_id?: string | string[];
                /** @description Only what was recorded at this time or later */
                since?: string;
                /** @description Only what was recorded before this time */
                until?: string;
                /** @description asc: the oldest first; desc: the newest first; default asc */
                order?: "asc" | "desc";
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "causation_id": "b12d77bf-ebbf-5cb3-ab0d-3bbb62be6807",
                     *           "correlation_id": null,
                     *           "data": {
                     *             "account": "zerohash:DEF456:ABC123:general:available:BTC",
                     *             "account_id": "009bbe95-256b-423e-913f-139684017032",
                     *             "change": "0.2",
                     *             "deposit_reference_id": "931eb628b2abf356c0a9d4ee9bc037ec27",
                     *             "movement_id": "e6b7d339-fcfe-480f-b910-2928995374d6",
                     *             "movement_type": "deposit",
                     *             "occurred_at": "2021-11-29T12:09:28.759838Z",
                     *             "provider": "zerohash",
                     *             "received_at": "2026-01-01T00:00:00.001Z",
                     *             "run_id": "94077",
                     *             "run_type": "deposit",
                     *             "translation": 3
                     *           },
                     *           "hash": "1bf8cde647ff35d941dd20f2b00226d9e6cf8f3e62b8ca2abf1ba37ee1b963b1",
                     *           "id": "8e8e0331-c0e6-5e49-beb2-317fe9e85155",
                     *           "occurred_at": "2021-11-29T12:09:28.759838Z",
                     *           "position": "9",
                     *           "recorded_at": "2026-01-01T00:00:00.001Z",
                     *           "schema_version": 1,
                     *           "subject": "zerohash:DEF456:ABC123:general:available:BTC",
                     *           "type": "MovementRecorded"
                     *         },
                     *         {
                     *           "causation_id": "5f08a01a-984e-5035-8eb9-a82ac09aad77",
                     *           "correlation_id": null,
                     *           "data": {
                     *             "account": "zerohash:DEF456:ABC123:general:available:BTC",
                     *             "account_id": "009bbe95-256b-423e-913f-139684017032",
                     *             "change": "-0.1",
                     *             "movement_id": "61d137e7-2f3a-4759-ba7a-d7e20f5e5ad6",
                     *             "movement_type": "withdrawal_pending",
                     *             "occurred_at": "2021-11-29T12:37:06.534066Z",
                     *             "provider": "zerohash",
                     *             "received_at": "2026-01-01T00:00:00.002Z",
                     *             "run_id": "94087",
                     *             "run_type": "withdrawal",
                     *             "translation": 3
                     *           },
                     *           "hash": "408be9c48613d1a2ef886e92f526732a552d02cbb5c73a68a8cd6cd29c7741df",
                     *           "id": "9a9e220b-754a-50da-993c-50eef0344c73",
                     *           "occurred_at": "2021-11-29T12:37:06.534066Z",
                     *           "position": "13",
                     *           "recorded_at": "2026-01-01T00:00:00.002Z",
                     *           "schema_version": 1,
                     *           "subject": "zerohash:DEF456:ABC123:general:available:BTC",
                     *           "type": "MovementRecorded"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6ImJhMzMzY2RjYWFlYThmOTQiLCJrZXkiOlsxM119",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Event"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The event's id or its position */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "amendments": [],
                     *         "causation_id": "b12d77bf-ebbf-5cb3-ab0d-3bbb62be6807",
                     *         "correlation_id": null,
                     *         "data": {
                     *           "account": "zerohash:DEF456:ABC123:general:available:BTC",
                     *           "account_id": "009bbe95-256b-423e-913f-139684017032",
                     *           "change": "0.2",
                     *           "deposit_reference_id": "931eb628b2abf356c0a9d4ee9bc037ec27",
                     *           "movement_id": "e6b7d339-fcfe-480f-b910-2928995374d6",
                     *           "movement_type": "deposit",
                     *           "occurred_at": "2021-11-29T12:09:28.759838Z",
                     *           "provider": "zerohash",
                     *           "received_at": "2026-01-01T00:00:00.001Z",
                     *           "run_id": "94077",
                     *           "run_type": "deposit",
                     *           "translation": 3
                     *         },
                     *         "delivery": {
                     *           "channel": "feed",
                     *           "delivery_id": "b12d77bf-ebbf-5cb3-ab0d-3bbb62be6807",
                     *           "key_id": null,
                     *           "length": 688,
                     *           "outcome": "recorded",
                     *           "payload_type": "feed",
                     *           "position": "7",
                     *           "provider": "zerohash",
                     *           "received_at": "2026-01-01T00:00:00.001Z",
                     *           "scheme": null,
                     *           "signature": "none"
                     *         },
                     *         "hash": "1bf8cde647ff35d941dd20f2b00226d9e6cf8f3e62b8ca2abf1ba37ee1b963b1",
                     *         "id": "8e8e0331-c0e6-5e49-beb2-317fe9e85155",
                     *         "occurred_at": "2021-11-29T12:09:28.759838Z",
                     *         "position": "9",
                     *         "recorded_at": "2026-01-01T00:00:00.001Z",
                     *         "schema_version": 1,
                     *         "subject": "zerohash:DEF456:ABC123:general:available:BTC",
                     *         "type": "MovementRecorded"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["EventDetail"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    explain: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description What is explained */
                kind: "balance" | "account" | "entry" | "withdrawal" | "deposit" | "trade" | "run" | "anomaly";
                /** @description The id in the lists; for an entry, the event id of its report */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "arithmetic": [
                     *         {
                     *           "after": "0.00015102",
                     *           "before": "0.00009968",
                     *           "change": "0.00005134",
                     *           "entry": "run:4150532",
                     *           "line": "run 4150532: 0.00009968 + 0.00005134 = 0.00015102",
                     *           "missing": null,
                     *           "missing_after": null
                     *         }
                     *       ],
                     *       "deliveries": [
                     *         {
                     *           "body": "kept",
                     *           "body_sha256": "3c8af892df82fed382a7688504aeaad7400495ee2fbe717d093e3fe2cdaff9f0",
                     *           "channel": "webhook",
                     *           "connection": null,
                     *           "erased": null,
                     *           "frame": null,
                     *           "id": "6858420d-ce2d-571d-9847-7825919da7ee",
                     *           "key_id": null,
                     *           "notification_id": null,
                     *           "payload_type": "account_balance.changed",
                     *           "position": "44",
                     *           "received_at": "2026-01-01T00:00:00.011Z",
                     *           "scheme": null,
                     *           "signature": "valid"
                     *         }
                     *       ],
                     *       "facts": [
                     *         {
                     *           "delivery_ids": [
                     *             "6858420d-ce2d-571d-9847-7825919da7ee"
                     *           ],
                     *           "event_id": "62f693d4-fcd9-515f-b3c6-042889cfd254",
                     *           "position": "47",
                     *           "role": "decides",
                     *           "sentence": "run 4150532 states a balance of 0.00015102; nothing is known before it, when the account held 0.00009968; without it the balance would not be known",
                     *           "type": "BalanceReported"
                     *         },
                     *         {
                     *           "delivery_ids": [
                     *             "6858420d-ce2d-571d-9847-7825919da7ee"
                     *           ],
                     *           "event_id": "5376bccf-3f62-5e86-b854-1472f1f8e39b",
                     *           "position": "46",
                     *           "role": "decides",
                     *           "sentence": "final_settlement_outstanding f16e0fad-e573-46da-a3a1-465a5a348648 of run 4150532 changes the account by 0.00005134; without it the time of its last change would be 2025-05-01T15:10:00.847Z",
                     *           "type": "MovementRecorded"
                     *         }
                     *       ],
                     *       "id": "zerohash:45JM2Q:F12JE6:general:available:BTC",
                     *       "kind": "balance",
                     *       "next_cursor": null,
                     *       "position": "157",
                     *       "shown": {
                     *         "account_group": "F12JE6",
                     *         "account_id": "5c01c19f-507b-43cf-a370-a8e6de1a71ac",
                     *         "account_ids": [
                     *           "5c01c19f-507b-43cf-a370-a8e6de1a71ac"
                     *         ],
                     *         "account_label": "general",
                     *         "account_type": "available",
                     *         "address": null,
                     *         "asset": "BTC",
                     *         "balance": "0.00015102",
                     *         "id": "zerohash:45JM2Q:F12JE6:general:available:BTC",
                     *         "last_run_id": "4150532",
                     *         "open_gaps": 0,
                     *         "participant_code": "45JM2Q",
                     *         "position": "47",
                     *         "provider": "zerohash",
                     *         "status": "continuous",
                     *         "updated_at": "2025-05-01T15:10:00.938Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Explanation"];
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHead: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "genesis": "8abe9c39db4c63af18171c46d9ef08603e1468e15f450ce0f95145ff855bacdf",
                     *       "hash": "bb1cd1a14669fe31f6625c354ba11dec3c18f2cebbb086c68191598057497933",
                     *       "key_id": "e54893f1c9ff55ad58c5f54e0b16672c3c41f9ef04a8bbd03df7c3e39cecd328",
                     *       "ledger": "default",
                     *       "map_root": "3e5609360890a821ea062417a14cb54a0e9afcc57e45332c4a8f7101400dd2ca",
                     *       "position": "157",
                     *       "public_key": "5e449ad6fa4b2d65746e8cd4f968e38c5a9679f8495db114ee06317f72f717db",
                     *       "root": "e8c21a22a746caa327c4c7aa701d96576c9030b50d939ac637d0397f242591f8",
                     *       "signature": "dcdfb95ab62a12788848e9190e300b02bce11dc68822354dd26040c750bfbb0cd7764a688c2689c40522968f45b38bfea24b35c10843f5078ab4253febb9a405",
                     *       "signed_at": "2026-01-01T00:00:00.061Z",
                     *       "tree_size": "157"
                     *     }
                     */
                    "application/json": components["schemas"]["TreeHead"];
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error; `stream_forked`: The stream is not the one that was followed; `stream_corrupted`: The stream's stored events contradict themselves */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `head_key_unusable`: The key that signs heads cannot be used */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listHeads: {
        parameters: {
            query?: {
                /** @description Only heads beyond this position */
                after?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "genesis": "8abe9c39db4c63af18171c46d9ef08603e1468e15f450ce0f95145ff855bacdf",
                     *           "hash": "bb1cd1a14669fe31f6625c354ba11dec3c18f2cebbb086c68191598057497933",
                     *           "key_id": "e54893f1c9ff55ad58c5f54e0b16672c3c41f9ef04a8bbd03df7c3e39cecd328",
                     *           "ledger": "default",
                     *           "map_root": "3e5609360890a821ea062417a14cb54a0e9afcc57e45332c4a8f7101400dd2ca",
                     *           "position": "157",
                     *           "public_key": "5e449ad6fa4b2d65746e8cd4f968e38c5a9679f8495db114ee06317f72f717db",
                     *           "root": "e8c21a22a746caa327c4c7aa701d96576c9030b50d939ac637d0397f242591f8",
                     *           "signature": "dcdfb95ab62a12788848e9190e300b02bce11dc68822354dd26040c750bfbb0cd7764a688c2689c40522968f45b38bfea24b35c10843f5078ab4253febb9a405",
                     *           "signed_at": "2026-01-01T00:00:00.061Z",
                     *           "tree_size": "157"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6IjAyNGQ1MDc2MTBlOWE0MjIiLCJrZXkiOlsxNTcsMV19",
                     *       "position": "161"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["TreeHead"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProjections: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "generations": [
                     *             {
                     *               "digest": "e1db32e0b354968c8bd25c1cb24ed64fbdc393aea61c0a2ce77b58208f631088",
                     *               "generation": 1,
                     *               "is_live": true,
                     *               "model_version": 15,
                     *               "position": "157",
                     *               "state_digest": "9690abec34ed1c1ccdbf84e9fdfd3f041754fd34e067afb306dd585fd221a67c"
                     *             }
                     *           ],
                     *           "name": "balances",
                     *           "rebuild": null
                     *         },
                     *         {
                     *           "generations": [
                     *             {
                     *               "digest": "1939ea03d6a2ea6e91ee339db854260c8da6098cb3d8a77f20c3193c6719f6ac",
                     *               "generation": 1,
                     *               "is_live": true,
                     *               "model_version": 12,
                     *               "position": "157",
                     *               "state_digest": "28297f6697bef7df3977bbebd30f4db7dc468fdd623a0f657ece5d261a0daa7a"
                     *             }
                     *           ],
                     *           "name": "withdrawals",
                     *           "rebuild": null
                     *         },
                     *         {
                     *           "generations": [
                     *             {
                     *               "digest": "8d99b723d8ba31770b02337977733caaf13a3849b58284c1a9a92fbc774557ca",
                     *               "generation": 1,
                     *               "is_live": true,
                     *               "model_version": 12,
                     *               "position": "157",
                     *               "state_digest": "71fa903ceb6f60ef34c46d10f6ec19bc5ef8edb05bc58ecbae7435a943fd3e8a"
                     *             }
                     *           ],
                     *           "name": "deposits",
                     *           "rebuild": null
                     *         },
                     *         {
                     *           "generations": [
                     *             {
                     *               "digest": "c7cb972466d8a2632e8e84cdea371eb8976a1cb169915d5455c5718eec55a0aa",
                     *               "generation": 1,
                     *               "is_live": true,
                     *               "model_version": 11,
                     *               "position": "157",
                     *               "state_digest": "8114db3b1f8e3062ba90726bd3bf035e434ed69e95b3110336b1e204aa7253dc"
                     *             }
                     *           ],
                     *           "name": "trades",
                     *           "rebuild": null
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Projection"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRebuild: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The projection */
                name: "balances" | "withdrawals" | "deposits" | "trades";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "detail": null,
                     *         "events_per_second": 0,
                     *         "finished_at": null,
                     *         "generation": 2,
                     *         "model": "balances",
                     *         "position": "0",
                     *         "started_at": "2026-01-01T00:00:01.062Z",
                     *         "state": "building",
                     *         "target": "168"
                     *       },
                     *       "position": "0"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["RebuildProgress"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startRebuild: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The projection */
                name: "balances" | "withdrawals" | "deposits" | "trades";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "detail": null,
                     *         "events_per_second": 0,
                     *         "finished_at": null,
                     *         "generation": 2,
                     *         "model": "balances",
                     *         "position": "0",
                     *         "started_at": "2026-01-01T00:00:01.062Z",
                     *         "state": "building",
                     *         "target": "168"
                     *       },
                     *       "position": "0"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["RebuildProgress"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that; `foreign_origin`: A page of another origin may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rebuild_running`: A rebuild of this model is running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rollBackProjection: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The projection */
                name: "balances" | "withdrawals" | "deposits" | "trades";
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    generation: number;
                };
            };
        };
        responses: {
            /** @description The answer */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "detail": null,
                     *         "events_per_second": 0,
                     *         "finished_at": null,
                     *         "generation": 1,
                     *         "model": "balances",
                     *         "position": "0",
                     *         "started_at": "2026-01-01T00:00:01.062Z",
                     *         "state": "building",
                     *         "target": "168"
                     *       },
                     *       "position": "0"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["RebuildProgress"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that; `foreign_origin`: A page of another origin may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rebuild_running`: A rebuild of this model is running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getConsistencyProof: {
        parameters: {
            query: {
                /** @description The earlier head's `tree_size` */
                from: string;
                /** @description The later head's `tree_size` */
                to: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "from": "157",
                     *         "from_root": "e8c21a22a746caa327c4c7aa701d96576c9030b50d939ac637d0397f242591f8",
                     *         "proof": [
                     *           "490afbfb7462ff5dd027ef116f03f0113362d2ca9bd572da6e65c598f8b2d285",
                     *           "9f625928d74492e5bf6757557617a0a8d32d562db5a6cc638ab8f2646751aa14",
                     *           "16c6e1d764b0bdcc1f20baa14d037c80cb5c261d65396d23050ae28d790bebbc",
                     *           "0199240a20971e44bd07ee9c191b656eb50be29e48327fd579eb2ea8608bc884",
                     *           "dc036b250fe6b0555ebd4696fe2529c47251c5795a3efff27563fae6d1e49b14",
                     *           "a6e073b6fa2b2c99f76fbdc864e4cf47f9e6942a5d93646baa0df28d909173a6",
                     *           "ba5f3afa894667cff495e04821f17e8fb3db1e27291023b5395196ed15fd3083",
                     *           "7350a984eadaa506b605ff872b01e14e51bc67bb958e2e4dac3f52c4529fb634"
                     *         ],
                     *         "to": "161",
                     *         "to_root": "4a5c72709bdeb22c211f41716e9809586792be40a4f9abf244f653169aee96a3"
                     *       },
                     *       "position": "161"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["ConsistencyProof"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `head_key_unusable`: The key that signs heads cannot be used */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getInclusionProof: {
        parameters: {
            query: {
                /** @description The position of the event */
                position: string;
                /** @description The head's `tree_size`; default the newest */
                tree_size?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "hash": "4e8ec1ad3f6d082162565840fdaff30d7aac05580d5c9c987974cf7ed7de82af",
                     *         "leaf": "f50ef9c30e5ed1945776b803cdffb1df02dd88313007f1c7293397818e99a7a3",
                     *         "position": "10",
                     *         "proof": [
                     *           "ac99ab5c16e9312272c4a926924ab62f7573307cf0d914026da601abb07c1fd5",
                     *           "ed87857f0c21c5f9278d5073521aaa90a179d4898e8c42348f57ab5bded16554",
                     *           "fd67403e13ff3403e1f843f75fba9d6130b090831916a6efbeac53ed9f291372",
                     *           "fc0aee8736a59a08c103723172e43e42eb01190ab60f2f114d7d7f6178d7f3a1",
                     *           "9415fc89d5a6f295a8a74a5764bde33736954f0ba09ffa89d43845527bb8ff31",
                     *           "a1f492a760d6b0cd762180749821a366bea2ee451e573cc04fd4c5ea09e25dd3",
                     *           "29334cc653b399fd7249a71c4802cfc69ac4f1a6b68cbf7d58013829b988abd2",
                     *           "45b27f273ca5526b2f091701952dd12f5b71231347dfac96b6b9bc43fa5398ca"
                     *         ],
                     *         "root": "e8c21a22a746caa327c4c7aa701d96576c9030b50d939ac637d0397f242591f8",
                     *         "tree_size": "157"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["InclusionProof"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `head_key_unusable`: The key that signs heads cannot be used */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuarantine: {
        parameters: {
            query?: {
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only deliveries of this channel; if repeated, any of the values */
                channel?: ("webhook" | "feed" | "backfill" | "import") | ("webhook" | "feed" | "backfill" | "import")[];
                /** @description Only bodies of this type; if repeated, any of the values */
                payload_type?: string | string[];
                /** @description true: include dismissed deliveries */
                dismissed?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description true: only deliveries still in quarantine; false: only those that were read since */
                open?: "true" | "false";
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "acknowledged_at": null,
                     *           "acknowledged_by": null,
                     *           "attempts": 1,
                     *           "channel": "webhook",
                     *           "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *           "detail": "payload type \"weather.changed\"",
                     *           "note": null,
                     *           "payload_type": "weather.changed",
                     *           "position": "157",
                     *           "provider": "zerohash",
                     *           "reason": "unknown_type",
                     *           "received_at": "2026-01-01T00:00:00.060Z",
                     *           "resolved_position": null
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["QuarantinedDelivery"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dismissQuarantined: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The delivery */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The reason, for later readers */
                    note: string;
                };
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "acknowledged_at": "2026-01-01T00:00:01.062Z",
                     *         "acknowledged_by": "key:5d1c0b0e-0000-4000-8000-000000000000 (ada)",
                     *         "attempts": 2,
                     *         "channel": "webhook",
                     *         "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *         "detail": "payload type \"weather.changed\"",
                     *         "note": "a test of theirs",
                     *         "payload_type": "weather.changed",
                     *         "position": "157",
                     *         "provider": "zerohash",
                     *         "reason": "unknown_type",
                     *         "received_at": "2026-01-01T00:00:00.060Z",
                     *         "resolved_position": null
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["QuarantinedDelivery"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that; `foreign_origin`: A page of another origin may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_closed`: It is closed already */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryQuarantined: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The delivery */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "delivery_id": "967e8b97-e2de-508b-a3f4-916e3bd49ab7",
                     *         "detail": "payload type \"weather.changed\"",
                     *         "outcome": "unreadable"
                     *       },
                     *       "position": "164"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["QuarantineRetry"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong_role`: The API key may not do that; `foreign_origin`: A page of another origin may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_closed`: It is closed already */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRun: {
        parameters: {
            query?: {
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description The run's id, or <provider>:<run id> */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "accounts": [
                     *           {
                     *             "account": "zerohash:45JM2Q:F12JE6:general:available:BTC",
                     *             "balance": "0.00015102",
                     *             "change": "0.00005134",
                     *             "effective_at": "2025-05-01T15:10:00.938Z",
                     *             "movement_count": 1,
                     *             "movements": [
                     *               {
                     *                 "change": "0.00005134",
                     *                 "client_transfer_id": null,
                     *                 "corrected": false,
                     *                 "deposit_reference_id": null,
                     *                 "movement_id": "f16e0fad-e573-46da-a3a1-465a5a348648",
                     *                 "movement_type": "final_settlement_outstanding",
                     *                 "occurred_at": "2025-05-01T15:10:00.938Z",
                     *                 "trade_id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *                 "transfer_request_id": null,
                     *                 "transfer_type": null,
                     *                 "withdrawal_request_id": null
                     *               }
                     *             ],
                     *             "position": "47"
                     *           }
                     *         ],
                     *         "occurred_at": "2025-05-01T15:10:00.847Z",
                     *         "position": "47",
                     *         "provider": "zerohash",
                     *         "run_id": "4150532",
                     *         "run_type": "settlement"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Run"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    search: {
        parameters: {
            query: {
                /** @description A complete identifier; for an account, a prefix is enough */
                q: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "id": "P1",
                     *           "kind": "participant",
                     *           "matched": "participant_code",
                     *           "path": "/accounts?participant_code=P1",
                     *           "title": "accounts of P1"
                     *         }
                     *       ],
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["SearchHit"][];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "anomalies": [
                     *           {
                     *             "kind": "account_id_conflict",
                     *             "model": "balances",
                     *             "open": 3,
                     *             "unacknowledged": 3
                     *           },
                     *           {
                     *             "kind": "clock",
                     *             "model": "balances",
                     *             "open": 2,
                     *             "unacknowledged": 2
                     *           },
                     *           {
                     *             "kind": "contradiction",
                     *             "model": "balances",
                     *             "open": 1,
                     *             "unacknowledged": 1
                     *           },
                     *           {
                     *             "kind": "gap",
                     *             "model": "balances",
                     *             "open": 1,
                     *             "unacknowledged": 1
                     *           },
                     *           {
                     *             "kind": "id_conflict",
                     *             "model": "withdrawals",
                     *             "open": 2,
                     *             "unacknowledged": 2
                     *           },
                     *           {
                     *             "kind": "clock",
                     *             "model": "deposits",
                     *             "open": 1,
                     *             "unacknowledged": 1
                     *           }
                     *         ],
                     *         "engine": "memory",
                     *         "environment": "production",
                     *         "feed": {
                     *           "connection": "c1",
                     *           "reason": null,
                     *           "since": "2026-01-01T00:00:00Z",
                     *           "state": "connected"
                     *         },
                     *         "head": "157",
                     *         "head_hash": "bb1cd1a14669fe31f6625c354ba11dec3c18f2cebbb086c68191598057497933",
                     *         "last_deliveries": [
                     *           {
                     *             "channel": "webhook",
                     *             "position": "146",
                     *             "provider": "layer1",
                     *             "recorded_at": "2026-01-01T00:00:00.057Z"
                     *           },
                     *           {
                     *             "channel": "feed",
                     *             "position": "30",
                     *             "provider": "zerohash",
                     *             "recorded_at": "2026-01-01T00:00:00.007Z"
                     *           },
                     *           {
                     *             "channel": "webhook",
                     *             "position": "156",
                     *             "provider": "zerohash",
                     *             "recorded_at": "2026-01-01T00:00:00.060Z"
                     *           }
                     *         ],
                     *         "ledger": "default",
                     *         "needs_a_person": [
                     *           {
                     *             "do": "`counterfoil anomalies list --kind account_id_conflict`, docs/runbook.md#account_id_conflict, then `anomalies acknowledge`",
                     *             "what": "3 × account_id_conflict in balances"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind clock`, docs/runbook.md#clock, then `anomalies acknowledge`",
                     *             "what": "2 × clock in balances"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind contradiction`, docs/runbook.md#contradiction, then `anomalies acknowledge`",
                     *             "what": "1 × contradiction in balances"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind gap`, docs/runbook.md#gap, then `anomalies acknowledge`",
                     *             "what": "1 × gap in balances"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind id_conflict`, docs/runbook.md#id_conflict, then `anomalies acknowledge`",
                     *             "what": "2 × id_conflict in withdrawals"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind clock`, docs/runbook.md#clock, then `anomalies acknowledge`",
                     *             "what": "1 × clock in deposits"
                     *           },
                     *           {
                     *             "do": "`counterfoil quarantine list`, docs/runbook.md#quarantine, then `quarantine retry` or `dismiss`",
                     *             "what": "1 delivery that nobody could read"
                     *           },
                     *           {
                     *             "do": "`counterfoil anomalies list --kind stuck`, docs/runbook.md#stuck, then `anomalies acknowledge`",
                     *             "what": "1 withdrawal stuck in pending"
                     *           }
                     *         ],
                     *         "projections": [
                     *           {
                     *             "digest": "e1db32e0b354968c8bd25c1cb24ed64fbdc393aea61c0a2ce77b58208f631088",
                     *             "generation": 1,
                     *             "lag": 0,
                     *             "lag_seconds": 0,
                     *             "model_version": 15,
                     *             "name": "balances",
                     *             "position": "157",
                     *             "reason": null,
                     *             "state": "live",
                     *             "state_digest": "9690abec34ed1c1ccdbf84e9fdfd3f041754fd34e067afb306dd585fd221a67c",
                     *             "stopped_keys": 0
                     *           },
                     *           {
                     *             "digest": "1939ea03d6a2ea6e91ee339db854260c8da6098cb3d8a77f20c3193c6719f6ac",
                     *             "generation": 1,
                     *             "lag": 0,
                     *             "lag_seconds": 0,
                     *             "model_version": 12,
                     *             "name": "withdrawals",
                     *             "position": "157",
                     *             "reason": null,
                     *             "state": "live",
                     *             "state_digest": "28297f6697bef7df3977bbebd30f4db7dc468fdd623a0f657ece5d261a0daa7a",
                     *             "stopped_keys": 0
                     *           },
                     *           {
                     *             "digest": "8d99b723d8ba31770b02337977733caaf13a3849b58284c1a9a92fbc774557ca",
                     *             "generation": 1,
                     *             "lag": 0,
                     *             "lag_seconds": 0,
                     *             "model_version": 12,
                     *             "name": "deposits",
                     *             "position": "157",
                     *             "reason": null,
                     *             "state": "live",
                     *             "state_digest": "71fa903ceb6f60ef34c46d10f6ec19bc5ef8edb05bc58ecbae7435a943fd3e8a",
                     *             "stopped_keys": 0
                     *           },
                     *           {
                     *             "digest": "c7cb972466d8a2632e8e84cdea371eb8976a1cb169915d5455c5718eec55a0aa",
                     *             "generation": 1,
                     *             "lag": 0,
                     *             "lag_seconds": 0,
                     *             "model_version": 11,
                     *             "name": "trades",
                     *             "position": "157",
                     *             "reason": null,
                     *             "state": "live",
                     *             "state_digest": "8114db3b1f8e3062ba90726bd3bf035e434ed69e95b3110336b1e204aa7253dc",
                     *             "stopped_keys": 0
                     *           }
                     *         ],
                     *         "publisher": null,
                     *         "quarantined": {
                     *           "open": 1,
                     *           "unacknowledged": 1
                     *         },
                     *         "scope": "ledger",
                     *         "stuck": [
                     *           {
                     *             "model": "withdrawals",
                     *             "open": 1,
                     *             "stage": "pending",
                     *             "unacknowledged": 1
                     *           }
                     *         ]
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Status"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTotals: {
        parameters: {
            query?: {
                /** @description Groups the sums by this, besides the asset, by which they are always grouped; if repeated, any of the values */
                group_by?: ("asset" | "account_type" | "account_group" | "provider") | ("asset" | "account_type" | "account_group" | "provider")[];
                /** @description The asset's code; if repeated, any of the values */
                asset?: string | string[];
                /** @description available, collateral, …; if repeated, any of the values */
                account_type?: string | string[];
                /** @description Zero Hash: the platform's group; if repeated, any of the values */
                account_group?: string | string[];
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Use only the facts up to this position */
                at_position?: string;
                /** @description Use only the facts recorded by this time */
                known_at?: string;
                /** @description Refused: sums are kept by position, not by the times that providers print */
                as_of?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "account_type": "available",
                     *           "accounts": 3,
                     *           "accounts_uncertain": 1,
                     *           "accounts_with_gaps": 0,
                     *           "asset": "BTC",
                     *           "total": "12.85015102"
                     *         },
                     *         {
                     *           "account_type": "collateral",
                     *           "accounts": 1,
                     *           "accounts_uncertain": 0,
                     *           "accounts_with_gaps": 0,
                     *           "asset": "BTC",
                     *           "total": "0"
                     *         },
                     *         {
                     *           "account_type": "available",
                     *           "accounts": 5,
                     *           "accounts_uncertain": 1,
                     *           "accounts_with_gaps": 1,
                     *           "asset": "USD",
                     *           "total": "1460031"
                     *         }
                     *       ],
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Total"][];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTrades: {
        parameters: {
            query?: {
                /** @description Only those in this stage; if repeated, any of the values */
                stage?: ("accepted" | "active" | "terminated") | ("accepted" | "active" | "terminated")[];
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); if repeated, any of the values */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); if repeated, any of the values */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; if repeated, any of the values */
                account_group?: string | string[];
                /** @description Only those with this id, hash or reference, present or former; if repeated, any of the values */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "fields": {
                     *             "account_label": "general",
                     *             "client_trade_id": "a6d1b7a5-4a15-4f3b-8a3a-0f7a3c6f9e11",
                     *             "comment": "",
                     *             "contract_size": "1",
                     *             "market_identifier_code": "",
                     *             "origin": "liquidity",
                     *             "parties": [
                     *               {
                     *                 "account_label": "general",
                     *                 "amount": "12.23",
                     *                 "asset": "USD",
                     *                 "participant_code": "PART1",
                     *                 "settling": true,
                     *                 "side": "buy"
                     *               },
                     *               {
                     *                 "account_label": "general",
                     *                 "amount": "0.00015",
                     *                 "asset": "BTC",
                     *                 "participant_code": "00SCXM",
                     *                 "settling": true,
                     *                 "side": "sell"
                     *               }
                     *             ],
                     *             "parties_anonymous": false,
                     *             "physical_delivery": true,
                     *             "platform_code": "PLAT01",
                     *             "product_type": "spot",
                     *             "quoted_currency": "USD",
                     *             "reporting_party": "",
                     *             "symbol": "BTC/USD",
                     *             "total_notional": "12.23",
                     *             "trade_price": "81531.3718539524991138",
                     *             "trade_quantity": "0.00015",
                     *             "trade_reporter": "ops@platform.example",
                     *             "trade_reporter_code": "PLAT01",
                     *             "trade_type": "regular",
                     *             "transaction_timestamp": "1746112199801",
                     *             "underlying": "BTC"
                     *           },
                     *           "history": [
                     *             {
                     *               "delivery_id": "f47cb787-3689-5aee-8ebf-8336d7244dcd",
                     *               "effective_at": "2025-05-01T15:09:59.954Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:09:59.954Z",
                     *               "position": "51",
                     *               "provider_status": "accepted",
                     *               "seconds_in_stage": "0.358",
                     *               "source": "status",
                     *               "stage": "accepted"
                     *             },
                     *             {
                     *               "delivery_id": "87a85e80-7ca7-5560-b478-b557da364dce",
                     *               "effective_at": "2025-05-01T15:10:00.312Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:10:00.312Z",
                     *               "position": "53",
                     *               "provider_status": "active",
                     *               "seconds_in_stage": "0.695",
                     *               "source": "status",
                     *               "stage": "active"
                     *             },
                     *             {
                     *               "delivery_id": "5c55661d-fe2d-58c3-bca7-6949feca4ea8",
                     *               "effective_at": "2025-05-01T15:10:01.007Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:10:01.007Z",
                     *               "position": "55",
                     *               "provider_status": "terminated",
                     *               "seconds_in_stage": null,
                     *               "source": "status",
                     *               "stage": "terminated"
                     *             }
                     *           ],
                     *           "history_length": 3,
                     *           "id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *           "opened_at": "2025-05-01T15:09:59.954Z",
                     *           "position": "55",
                     *           "provider": "zerohash",
                     *           "provider_status": "terminated",
                     *           "stage": "terminated",
                     *           "stuck": false,
                     *           "trade_id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *           "updated_at": "2025-05-01T15:10:01.007Z"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Trade"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getTrade: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the trade: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "fields": {
                     *           "account_label": "general",
                     *           "client_trade_id": "a6d1b7a5-4a15-4f3b-8a3a-0f7a3c6f9e11",
                     *           "comment": "",
                     *           "contract_size": "1",
                     *           "market_identifier_code": "",
                     *           "origin": "liquidity",
                     *           "parties": [
                     *             {
                     *               "account_label": "general",
                     *               "amount": "12.23",
                     *               "asset": "USD",
                     *               "participant_code": "PART1",
                     *               "settling": true,
                     *               "side": "buy"
                     *             },
                     *             {
                     *               "account_label": "general",
                     *               "amount": "0.00015",
                     *               "asset": "BTC",
                     *               "participant_code": "00SCXM",
                     *               "settling": true,
                     *               "side": "sell"
                     *             }
                     *           ],
                     *           "parties_anonymous": false,
                     *           "physical_delivery": true,
                     *           "platform_code": "PLAT01",
                     *           "product_type": "spot",
                     *           "quoted_currency": "USD",
                     *           "reporting_party": "",
                     *           "symbol": "BTC/USD",
                     *           "total_notional": "12.23",
                     *           "trade_price": "81531.3718539524991138",
                     *           "trade_quantity": "0.00015",
                     *           "trade_reporter": "ops@platform.example",
                     *           "trade_reporter_code": "PLAT01",
                     *           "trade_type": "regular",
                     *           "transaction_timestamp": "1746112199801",
                     *           "underlying": "BTC"
                     *         },
                     *         "history": [
                     *           {
                     *             "delivery_id": "f47cb787-3689-5aee-8ebf-8336d7244dcd",
                     *             "effective_at": "2025-05-01T15:09:59.954Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:09:59.954Z",
                     *             "position": "51",
                     *             "provider_status": "accepted",
                     *             "seconds_in_stage": "0.358",
                     *             "source": "status",
                     *             "stage": "accepted"
                     *           },
                     *           {
                     *             "delivery_id": "87a85e80-7ca7-5560-b478-b557da364dce",
                     *             "effective_at": "2025-05-01T15:10:00.312Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:10:00.312Z",
                     *             "position": "53",
                     *             "provider_status": "active",
                     *             "seconds_in_stage": "0.695",
                     *             "source": "status",
                     *             "stage": "active"
                     *           },
                     *           {
                     *             "delivery_id": "5c55661d-fe2d-58c3-bca7-6949feca4ea8",
                     *             "effective_at": "2025-05-01T15:10:01.007Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:10:01.007Z",
                     *             "position": "55",
                     *             "provider_status": "terminated",
                     *             "seconds_in_stage": null,
                     *             "source": "status",
                     *             "stage": "terminated"
                     *           }
                     *         ],
                     *         "history_length": 3,
                     *         "id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *         "opened_at": "2025-05-01T15:09:59.954Z",
                     *         "position": "55",
                     *         "provider": "zerohash",
                     *         "provider_status": "terminated",
                     *         "stage": "terminated",
                     *         "stuck": false,
                     *         "trade_id": "829ddc5b-c299-4bd1-b4ca-f0b3f9875371",
                     *         "updated_at": "2025-05-01T15:10:01.007Z"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Trade"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listTradeHistory: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the trade: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "delivery_id": "f47cb787-3689-5aee-8ebf-8336d7244dcd",
                     *           "effective_at": "2025-05-01T15:09:59.954Z",
                     *           "late": false,
                     *           "occurred_at": "2025-05-01T15:09:59.954Z",
                     *           "position": "51",
                     *           "provider_status": "accepted",
                     *           "seconds_in_stage": "0.358",
                     *           "source": "status",
                     *           "stage": "accepted"
                     *         },
                     *         {
                     *           "delivery_id": "87a85e80-7ca7-5560-b478-b557da364dce",
                     *           "effective_at": "2025-05-01T15:10:00.312Z",
                     *           "late": false,
                     *           "occurred_at": "2025-05-01T15:10:00.312Z",
                     *           "position": "53",
                     *           "provider_status": "active",
                     *           "seconds_in_stage": "0.695",
                     *           "source": "status",
                     *           "stage": "active"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6IjJkNjA4YjE0Nzg4NDQxMmMiLCJrZXkiOlsiMTc0NjExMjIwMDMxMjAwMDAwMCIsMiwiYWN0aXZlOjIzNjYwMGUyNDZhYjcyMzciLDBdfQ",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["HistoryEntry"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWithdrawals: {
        parameters: {
            query?: {
                /** @description Only those in this stage; if repeated, any of the values */
                stage?: ("requested" | "pending" | "approved" | "broadcast" | "confirmed" | "settled" | "failed" | "rejected" | "returned") | ("requested" | "pending" | "approved" | "broadcast" | "confirmed" | "settled" | "failed" | "rejected" | "returned")[];
                /** @description Only this provider's; if repeated, any of the values */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); if repeated, any of the values */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); if repeated, any of the values */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; if repeated, any of the values */
                account_group?: string | string[];
                /** @description Only those with this id, hash or reference, present or former; if repeated, any of the values */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "account_group": null,
                     *           "account_label": "savings",
                     *           "amount": "25.5",
                     *           "asset": "USDC",
                     *           "beneficiary": null,
                     *           "destination_address": "0x84a4a239805d06c685219801b82bea7c76702214",
                     *           "fee": "0.02",
                     *           "fee_asset": "USD",
                     *           "history": [
                     *             {
                     *               "delivery_id": "53513b4a-d5f1-572c-8614-951e69356f19",
                     *               "effective_at": "2025-05-01T15:26:30.101Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:26:30.101Z",
                     *               "position": "67",
                     *               "provider_status": "initialized",
                     *               "seconds_in_stage": "9.038",
                     *               "source": "payment",
                     *               "stage": "requested"
                     *             },
                     *             {
                     *               "delivery_id": "8016ba53-898a-5c5e-86c9-f20a4dcdcfb8",
                     *               "effective_at": "2025-05-01T15:26:31.422Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:26:31.422Z",
                     *               "position": "69",
                     *               "provider_status": "submitted",
                     *               "seconds_in_stage": null,
                     *               "source": "payment",
                     *               "stage": "requested"
                     *             },
                     *             {
                     *               "delivery_id": "c0fc6802-a8c8-592f-bbb1-981d67d25fba",
                     *               "effective_at": "2025-05-01T15:26:39.139Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:26:39.139Z",
                     *               "position": "71",
                     *               "provider_status": "pending",
                     *               "seconds_in_stage": "23.735",
                     *               "source": "payment",
                     *               "stage": "pending"
                     *             },
                     *             {
                     *               "delivery_id": "f4d35f85-d07d-5bd6-b39d-99c49dc2d9f9",
                     *               "effective_at": "2025-05-01T15:27:02.874Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:27:02.874Z",
                     *               "position": "73",
                     *               "provider_status": "posted",
                     *               "seconds_in_stage": "161.656",
                     *               "source": "payment",
                     *               "stage": "broadcast"
                     *             },
                     *             {
                     *               "delivery_id": "daed800a-339c-58e9-9194-810258668861",
                     *               "effective_at": "2025-05-01T15:29:44.530Z",
                     *               "late": false,
                     *               "occurred_at": "2025-05-01T15:29:44.530Z",
                     *               "position": "75",
                     *               "provider_status": "settled",
                     *               "seconds_in_stage": null,
                     *               "source": "payment",
                     *               "stage": "settled"
                     *             }
                     *           ],
                     *           "history_length": 5,
                     *           "id": "44b23087-8845-4667-9fa8-03b7055dba6b:PART01:USDC.BASE",
                     *           "identifiers": {
                     *             "movement_ids": [],
                     *             "payment_id": "c2f4a7de-52ad-4bb5-9a43-2b7b8c7e9f10",
                     *             "transaction_hash": "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe",
                     *             "transfer_id": null,
                     *             "withdrawal_request_id": "44b23087-8845-4667-9fa8-03b7055dba6b"
                     *           },
                     *           "link": "stated",
                     *           "network": "BASE",
                     *           "opened_at": "2025-05-01T15:26:30.101Z",
                     *           "participant_code": "PART01",
                     *           "position": "75",
                     *           "provider": "zerohash",
                     *           "provider_status": "settled",
                     *           "quoted_currency": null,
                     *           "reason": null,
                     *           "reason_code": null,
                     *           "settled_amount": null,
                     *           "stage": "settled",
                     *           "stuck": false,
                     *           "total": "25.5",
                     *           "updated_at": "2025-05-01T15:29:44.530Z"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6ImM4YmQ4YmRkYTE3M2MzZjAiLCJrZXkiOlsiMTc0NjExMzM4NDUzMDAwMDAwMCIsIjQ0YjIzMDg3LTg4NDUtNDY2Ny05ZmE4LTAzYjcwNTVkYmE2YjpQQVJUMDE6VVNEQy5CQVNFIl19",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Withdrawal"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getWithdrawal: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the withdrawal: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": {
                     *         "account_group": null,
                     *         "account_label": "savings",
                     *         "amount": "25.5",
                     *         "asset": "USDC",
                     *         "beneficiary": null,
                     *         "destination_address": "0x84a4a239805d06c685219801b82bea7c76702214",
                     *         "fee": "0.02",
                     *         "fee_asset": "USD",
                     *         "history": [
                     *           {
                     *             "delivery_id": "53513b4a-d5f1-572c-8614-951e69356f19",
                     *             "effective_at": "2025-05-01T15:26:30.101Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:26:30.101Z",
                     *             "position": "67",
                     *             "provider_status": "initialized",
                     *             "seconds_in_stage": "9.038",
                     *             "source": "payment",
                     *             "stage": "requested"
                     *           },
                     *           {
                     *             "delivery_id": "8016ba53-898a-5c5e-86c9-f20a4dcdcfb8",
                     *             "effective_at": "2025-05-01T15:26:31.422Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:26:31.422Z",
                     *             "position": "69",
                     *             "provider_status": "submitted",
                     *             "seconds_in_stage": null,
                     *             "source": "payment",
                     *             "stage": "requested"
                     *           },
                     *           {
                     *             "delivery_id": "c0fc6802-a8c8-592f-bbb1-981d67d25fba",
                     *             "effective_at": "2025-05-01T15:26:39.139Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:26:39.139Z",
                     *             "position": "71",
                     *             "provider_status": "pending",
                     *             "seconds_in_stage": "23.735",
                     *             "source": "payment",
                     *             "stage": "pending"
                     *           },
                     *           {
                     *             "delivery_id": "f4d35f85-d07d-5bd6-b39d-99c49dc2d9f9",
                     *             "effective_at": "2025-05-01T15:27:02.874Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:27:02.874Z",
                     *             "position": "73",
                     *             "provider_status": "posted",
                     *             "seconds_in_stage": "161.656",
                     *             "source": "payment",
                     *             "stage": "broadcast"
                     *           },
                     *           {
                     *             "delivery_id": "daed800a-339c-58e9-9194-810258668861",
                     *             "effective_at": "2025-05-01T15:29:44.530Z",
                     *             "late": false,
                     *             "occurred_at": "2025-05-01T15:29:44.530Z",
                     *             "position": "75",
                     *             "provider_status": "settled",
                     *             "seconds_in_stage": null,
                     *             "source": "payment",
                     *             "stage": "settled"
                     *           }
                     *         ],
                     *         "history_length": 5,
                     *         "id": "44b23087-8845-4667-9fa8-03b7055dba6b:PART01:USDC.BASE",
                     *         "identifiers": {
                     *           "movement_ids": [],
                     *           "payment_id": "c2f4a7de-52ad-4bb5-9a43-2b7b8c7e9f10",
                     *           "transaction_hash": "0x8d49dad00612517e5fdf9ca896c4aded5a46c30226cd44f4f0c26b4c65ae63fe",
                     *           "transfer_id": null,
                     *           "withdrawal_request_id": "44b23087-8845-4667-9fa8-03b7055dba6b"
                     *         },
                     *         "link": "stated",
                     *         "network": "BASE",
                     *         "opened_at": "2025-05-01T15:26:30.101Z",
                     *         "participant_code": "PART01",
                     *         "position": "75",
                     *         "provider": "zerohash",
                     *         "provider_status": "settled",
                     *         "quoted_currency": null,
                     *         "reason": null,
                     *         "reason_code": null,
                     *         "settled_amount": null,
                     *         "stage": "settled",
                     *         "stuck": false,
                     *         "total": "25.5",
                     *         "updated_at": "2025-05-01T15:29:44.530Z"
                     *       },
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["Withdrawal"];
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listWithdrawalHistory: {
        parameters: {
            query?: {
                /** @description As it was at this time, by all known facts */
                as_of?: string;
                /** @description Use only the facts up to this position: what was known there */
                at_position?: string;
                /** @description Use only the facts that had arrived by this time: what was known then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description The maximum number of records on a page; default 100 */
                limit?: number;
                /** @description `next_cursor` of the previous page, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Any id of the withdrawal: present or former */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "data": [
                     *         {
                     *           "delivery_id": "53513b4a-d5f1-572c-8614-951e69356f19",
                     *           "effective_at": "2025-05-01T15:26:30.101Z",
                     *           "late": false,
                     *           "occurred_at": "2025-05-01T15:26:30.101Z",
                     *           "position": "67",
                     *           "provider_status": "initialized",
                     *           "seconds_in_stage": "9.038",
                     *           "source": "payment",
                     *           "stage": "requested"
                     *         },
                     *         {
                     *           "delivery_id": "8016ba53-898a-5c5e-86c9-f20a4dcdcfb8",
                     *           "effective_at": "2025-05-01T15:26:31.422Z",
                     *           "late": false,
                     *           "occurred_at": "2025-05-01T15:26:31.422Z",
                     *           "position": "69",
                     *           "provider_status": "submitted",
                     *           "seconds_in_stage": null,
                     *           "source": "payment",
                     *           "stage": "requested"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJ2IjoxLCJvZiI6IjVjOWE0ZTZlYmYyNDU3NDIiLCJrZXkiOlsiMTc0NjExMzE5MTQyMjAwMDAwMCIsMSwic3VibWl0dGVkOmQyNjhkNTZjYTFjODY0ZDEiLDBdfQ",
                     *       "position": "157"
                     *     }
                     */
                    "application/json": {
                        data: components["schemas"]["HistoryEntry"][];
                        /** @description Goes on from here; null where nothing follows */
                        next_cursor: string | null;
                        position: components["schemas"]["Position"];
                    };
                };
            };
            /** @description `malformed_request`: The request is malformed; `invalid_query`: A query parameter is not valid; `invalid_cursor`: The cursor is not one that this service gave out */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthenticated`: A valid API key is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such resource */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ambiguous_id`: The id stands for several records; `position_ahead`: The stream has no such position yet */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_host`: The service is not known by this name */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_combination`: These parameters do not go together */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: The API key made too many requests */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal_error`: The service made an error */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `overloaded`: More deliveries wait than can be taken; `stream_unavailable`: The event stream cannot be used just now; `model_unavailable`: The read model cannot be used just now; `position_timeout`: The read model did not reach the position in time */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}

export const OPERATIONS = {
  "getHealth": {
    "method": "GET",
    "path": "/healthz",
    "media": "application/json"
  },
  "getMetrics": {
    "method": "GET",
    "path": "/metrics",
    "media": "text/plain"
  },
  "getOpenApi": {
    "method": "GET",
    "path": "/openapi.json",
    "media": "application/json"
  },
  "getReadiness": {
    "method": "GET",
    "path": "/readyz",
    "media": "application/json"
  },
  "getAccount": {
    "method": "GET",
    "path": "/v1/accounts/{id}",
    "media": "application/json"
  },
  "listEntries": {
    "method": "GET",
    "path": "/v1/accounts/{id}/entries",
    "media": "application/json"
  },
  "listAnomalies": {
    "method": "GET",
    "path": "/v1/anomalies",
    "media": "application/json"
  },
  "getAnomaly": {
    "method": "GET",
    "path": "/v1/anomalies/{id}",
    "media": "application/json"
  },
  "acknowledgeAnomaly": {
    "method": "POST",
    "path": "/v1/anomalies/{id}/acknowledge",
    "media": "application/json",
    "body": true
  },
  "listBalances": {
    "method": "GET",
    "path": "/v1/balances",
    "media": "application/json"
  },
  "streamChanges": {
    "method": "GET",
    "path": "/v1/changes",
    "media": "text/event-stream"
  },
  "listDeliveries": {
    "method": "GET",
    "path": "/v1/deliveries",
    "media": "application/json"
  },
  "getDelivery": {
    "method": "GET",
    "path": "/v1/deliveries/{id}",
    "media": "application/json"
  },
  "getDeliveryBody": {
    "method": "GET",
    "path": "/v1/deliveries/{id}/body",
    "media": "application/octet-stream"
  },
  "listDeposits": {
    "method": "GET",
    "path": "/v1/deposits",
    "media": "application/json"
  },
  "getDeposit": {
    "method": "GET",
    "path": "/v1/deposits/{id}",
    "media": "application/json"
  },
  "listDepositHistory": {
    "method": "GET",
    "path": "/v1/deposits/{id}/history",
    "media": "application/json"
  },
  "listEvents": {
    "method": "GET",
    "path": "/v1/events",
    "media": "application/json"
  },
  "getEvent": {
    "method": "GET",
    "path": "/v1/events/{id}",
    "media": "application/json"
  },
  "explain": {
    "method": "GET",
    "path": "/v1/explain/{kind}/{id}",
    "media": "application/json"
  },
  "getHead": {
    "method": "GET",
    "path": "/v1/head",
    "media": "application/json"
  },
  "listHeads": {
    "method": "GET",
    "path": "/v1/heads",
    "media": "application/json"
  },
  "listProjections": {
    "method": "GET",
    "path": "/v1/projections",
    "media": "application/json"
  },
  "getRebuild": {
    "method": "GET",
    "path": "/v1/projections/{name}/rebuild",
    "media": "application/json"
  },
  "startRebuild": {
    "method": "POST",
    "path": "/v1/projections/{name}/rebuild",
    "media": "application/json"
  },
  "rollBackProjection": {
    "method": "POST",
    "path": "/v1/projections/{name}/rollback",
    "media": "application/json",
    "body": true
  },
  "getConsistencyProof": {
    "method": "GET",
    "path": "/v1/proofs/consistency",
    "media": "application/json"
  },
  "getInclusionProof": {
    "method": "GET",
    "path": "/v1/proofs/inclusion",
    "media": "application/json"
  },
  "listQuarantine": {
    "method": "GET",
    "path": "/v1/quarantine",
    "media": "application/json"
  },
  "dismissQuarantined": {
    "method": "POST",
    "path": "/v1/quarantine/{delivery_id}/dismiss",
    "media": "application/json",
    "body": true
  },
  "retryQuarantined": {
    "method": "POST",
    "path": "/v1/quarantine/{delivery_id}/retry",
    "media": "application/json"
  },
  "getRun": {
    "method": "GET",
    "path": "/v1/runs/{run_id}",
    "media": "application/json"
  },
  "search": {
    "method": "GET",
    "path": "/v1/search",
    "media": "application/json"
  },
  "getStatus": {
    "method": "GET",
    "path": "/v1/status",
    "media": "application/json"
  },
  "listTotals": {
    "method": "GET",
    "path": "/v1/totals",
    "media": "application/json"
  },
  "listTrades": {
    "method": "GET",
    "path": "/v1/trades",
    "media": "application/json"
  },
  "getTrade": {
    "method": "GET",
    "path": "/v1/trades/{id}",
    "media": "application/json"
  },
  "listTradeHistory": {
    "method": "GET",
    "path": "/v1/trades/{id}/history",
    "media": "application/json"
  },
  "listWithdrawals": {
    "method": "GET",
    "path": "/v1/withdrawals",
    "media": "application/json"
  },
  "getWithdrawal": {
    "method": "GET",
    "path": "/v1/withdrawals/{id}",
    "media": "application/json"
  },
  "listWithdrawalHistory": {
    "method": "GET",
    "path": "/v1/withdrawals/{id}/history",
    "media": "application/json"
  }
} as const;
