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
        /** Metrics for Prometheus; beyond loopback with a key of no platform */
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
        /** Whether the process should be sent requests: what it needs is there, and it is not ending */
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
         * @description In the order of taking effect: runs with their movements, snapshots that say something new, what stood before the first, gaps (closed ones too) and contradictions. A page may hold fewer than `limit` while `next_cursor` is given.
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
         * @description `position` is that of the model that is furthest behind. A page may hold fewer than `limit` while `next_cursor` is given.
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
         * @description `position` is that of its model.
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
        /** Says that somebody knows of an anomaly: it needs nobody until it changes */
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
         * Balances, one an account
         * @description Of a past moment, an account is listed if something was reported of it by then. `position` is the position that the facts were looked at up to. A page may hold fewer than `limit` while `next_cursor` is given.
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
    "/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the providers sent, the newest first
         * @description `position` is the head; where only `quarantined` or `dismissed` are asked for, that of the balances model, which lists them. A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** A delivery with everything that it caused to be recorded */
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
         * @description A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** One deposit with the newest entries of its history */
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
         * The events of the stream, in their order or backwards
         * @description `position` is the head; `next_cursor` is null where the stream ends for now. A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** One event with what later events say of it, and its delivery */
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
         * Why something is shown as it is: its facts, their deliveries, what the rules decided
         * @description The newest facts first, each with its role: `decides` (without it something else would be shown), `confirms` (a gap would open, or the status change), `repeats` and `superseded` (nothing would change). Roles are found by asking the rules what they would show without the fact.
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
         * @description The answer is the head itself, to be kept as it is: `counterfoil verify --head` takes the file. Signs one where something was recorded since the last, and appends nothing.
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
         * @description Digests are zeros for a platform's key: others have a part in them.
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
        /** How the last rebuild that was started here is getting on */
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
         * @description How it gets on is told as for a rebuild.
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
        /** That a later head holds everything that an earlier one held */
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
        /** That the event at a position lies under a head */
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
         * Deliveries that nobody could read: first those that need a person, the newest first
         * @description A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** Says that a delivery which nobody could read needs nobody */
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
        /** Reads a quarantined delivery once more, with the present translation */
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
         * @description Shown are 10,000 accounts at most, 1,000 movements of one and 10,000 of all of them: `movement_count` says how many an account has.
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
         * What an identifier stands for
         * @description Accounts (ours and the provider's ids), participants, groups, addresses, runs, movements, withdrawals, deposits and trades by any of their identifiers, deliveries, events, anomalies. Matches are exact; addresses and our own ids in any case. At most five of a kind; an empty list where nothing is called so.
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
        /** How the ledger is doing: how far each part has come, and what needs a person */
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
         * What accounts hold together, an asset at a time
         * @description Exact sums over accounts, kept in the transaction of their balances. `group_by` and filters may be repeated: several values of a filter are any of them. Groups without an account are left out.
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
         * @description A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** One trade with the newest entries of its history */
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
         * @description A page may hold fewer than `limit` while `next_cursor` is given.
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
        /** One withdrawal with the newest entries of its history */
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
            /** @description Of the open ones, those that nobody acknowledged */
            unacknowledged: number;
        };
        Balance: {
            account_group: string | null;
            /** @description The provider's id, as last reported */
            account_id: string | null;
            /** @description Every id reported, sorted */
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
            /** @description Bytes; null where others' facts are among them */
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
            /** @description What later events say of it, in order: a page of them at most */
            amendments: components["schemas"]["Event"][];
            causation_id: components["schemas"]["Uuid"] | null;
            correlation_id: string | null;
            /** @description As stored */
            data: {
                [key: string]: components["schemas"]["Json"];
            };
            /** @description null: no delivery brought it */
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
            /** @description Of a balance or an entry, the newest line first */
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
                /** @description null: not looked for, since it is large or not the asker's */
                body: string | null;
                /** @description null where others' facts are in the bytes, for a platform's key */
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
            /** @description Goes on to older facts; null where there are none */
            next_cursor: string | null;
            /** @description By the facts up to there */
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
            /** @description The hashes beside the way, from the leaf upwards */
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
             * @example position_timeout
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
            digest: components["schemas"]["Sha256"];
            generation: number;
            lag: number;
            /** @description Age of the oldest event it waits for */
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
            state_digest: components["schemas"]["Sha256"];
            stopped_keys: number;
        };
        PublisherStatus: {
            lag: number;
            lag_seconds: number;
            position: components["schemas"]["Position"];
            /** @description Keys whose records the broker does not take */
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
            /** @description null: no feed was ever opened */
            feed: components["schemas"]["FeedStatus"] | null;
            head: components["schemas"]["Position"];
            head_hash: components["schemas"]["Sha256"];
            last_deliveries: components["schemas"]["LastDelivery"][];
            ledger: string;
            /** @description Empty where all is well */
            needs_a_person: {
                do: string;
                what: string;
            }[];
            projections: components["schemas"]["ProjectionStatus"][];
            /** @description null: nothing is published */
            publisher: components["schemas"]["PublisherStatus"] | null;
            /** @description null where the balances model cannot be read */
            quarantined: {
                open: number;
                /** @description Of the open ones, those that nobody acknowledged */
                unacknowledged: number;
            } | null;
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
            /** @description Of the open ones, those that nobody acknowledged */
            unacknowledged: number;
        };
        Total: {
            /** @description Where it is grouped by; null: Layer1 has none */
            account_group?: string | null;
            /** @description Where it is grouped by */
            account_type?: string;
            /** @description Also those of which no balance is known */
            accounts: number;
            accounts_with_gaps: number;
            asset: string;
            /**
             * @description Where it is grouped by
             * @example zerohash
             * @example layer1
             */
            provider?: string;
            /** @description Of all balances that are known */
            total: components["schemas"]["Amount"];
        };
        /** @description Trace context as W3C writes it, version 00 */
        Traceparent: string;
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
            /** @description The hash of position 1: which ledger of that name it is */
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
            /** @description Who is paid, where that is not the owner */
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
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
            };
            header?: never;
            path: {
                /** @description Our id (percent-encoded once more, as any text) or the provider's */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listEntries: {
        parameters: {
            query?: {
                /** @description `desc`: the newest first */
                order?: "asc" | "desc";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Our id (percent-encoded once more, as any text) or the provider's */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listAnomalies: {
        parameters: {
            query?: {
                /** @description Only this kind; repeated, any of these */
                kind?: ("gap" | "contradiction" | "illegal_step" | "invariant" | "account_id_conflict" | "id_conflict" | "type_conflict" | "unknown_word" | "clock" | "foreign_event" | "unlisted" | "stopped" | "stuck") | ("gap" | "contradiction" | "illegal_step" | "invariant" | "account_id_conflict" | "id_conflict" | "type_conflict" | "unknown_word" | "clock" | "foreign_event" | "unlisted" | "stopped" | "stuck")[];
                /** @description Only this model's; repeated, any of these */
                model?: ("balances" | "withdrawals" | "deposits" | "trades") | ("balances" | "withdrawals" | "deposits" | "trades")[];
                /** @description Only those of this record; repeated, any of these */
                subject?: string | string[];
                /** @description true: only those that are open; false: only those that were closed */
                open?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    getAnomaly: {
        parameters: {
            query?: never;
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
                    /** @description Why, for those who come later */
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
            /** @description `already_closed`: It needs nobody any more */
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
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Zero Hash: the participant; repeated, any of these */
                participant_code?: string | string[];
                /** @description Zero Hash: the platform's group; repeated, any of these */
                account_group?: string | string[];
                /** @description Zero Hash: the label; repeated, any of these */
                account_label?: string | string[];
                /** @description available, collateral, …; repeated, any of these */
                account_type?: string | string[];
                /** @description The asset's code; repeated, any of these */
                asset?: string | string[];
                /** @description Any id that the provider ever gave the account; repeated, any of these */
                account_id?: string | string[];
                /** @description After the last report in effect by then, by all facts known now */
                as_of?: string;
                /** @description By the facts up to this position */
                at_position?: string;
                /** @description By the facts recorded by then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only what came this way; repeated, any of these */
                channel?: ("webhook" | "feed" | "backfill" | "import") | ("webhook" | "feed" | "backfill" | "import")[];
                /** @description Only bodies of this type; repeated, any of these */
                payload_type?: string | string[];
                /** @description Only those of which this became; repeated, any of these */
                outcome?: ("recorded" | "repeated" | "quarantined" | "dismissed") | ("recorded" | "repeated" | "quarantined" | "dismissed")[];
                /** @description Only those whose signature was checked with this key; repeated, any of these */
                key_id?: string | string[];
                /** @description Only what was recorded at this time or later */
                since?: string;
                /** @description Only what was recorded before this time */
                until?: string;
                /** @description asc: the oldest first; desc: the newest first; desc unless given */
                order?: "asc" | "desc";
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
                /** @description Only those in this stage; repeated, any of these */
                stage?: ("detected" | "unconfirmed" | "confirmed" | "screening" | "held" | "credited" | "failed" | "rejected" | "quarantined" | "returned") | ("detected" | "unconfirmed" | "confirmed" | "screening" | "held" | "credited" | "failed" | "rejected" | "quarantined" | "returned")[];
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); repeated, any of these */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); repeated, any of these */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; repeated, any of these */
                account_group?: string | string[];
                /** @description Only those that this finds: any present or former id, hash, reference; repeated, any of these */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    getDeposit: {
        parameters: {
            query?: {
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listDepositHistory: {
        parameters: {
            query?: {
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listEvents: {
        parameters: {
            query?: {
                /** @description Only events behind this position */
                after?: string;
                /** @description As `type`, in one parameter */
                types?: string;
                /** @description Only events of this type; repeated, any of these */
                type?: ("LedgerOpened" | "DeliveryReceived" | "DeliveryDivided" | "DeliveryCompleted" | "DeliveryQuarantined" | "QuarantineRetried" | "RunRecorded" | "MovementRecorded" | "BalanceReported" | "FundsReported" | "DepositStatusReported" | "WithdrawalStatusReported" | "PaymentStatusReported" | "FundReported" | "TradeStatusReported" | "NotificationRecorded" | "FeedOpened" | "FeedClosed" | "SnapshotCompleted" | "SocketOrderRecorded" | "FactSeen" | "FactContradicted" | "FactCorrected" | "FactWithdrawn" | "ModelActivated" | "OperatorActed" | "AnomalyAcknowledged" | "QuarantineDismissed" | "BodyErased" | "ApiKeyCreated" | "ApiKeyRevoked" | "HeadKeyRotated" | "ForeignEvent") | ("LedgerOpened" | "DeliveryReceived" | "DeliveryDivided" | "DeliveryCompleted" | "DeliveryQuarantined" | "QuarantineRetried" | "RunRecorded" | "MovementRecorded" | "BalanceReported" | "FundsReported" | "DepositStatusReported" | "WithdrawalStatusReported" | "PaymentStatusReported" | "FundReported" | "TradeStatusReported" | "NotificationRecorded" | "FeedOpened" | "FeedClosed" | "SnapshotCompleted" | "SocketOrderRecorded" | "FactSeen" | "FactContradicted" | "FactCorrected" | "FactWithdrawn" | "ModelActivated" | "OperatorActed" | "AnomalyAcknowledged" | "QuarantineDismissed" | "BodyErased" | "ApiKeyCreated" | "ApiKeyRevoked" | "HeadKeyRotated" | "ForeignEvent")[];
                /** @description Only events of this subject; repeated, any of these */
                subject?: string | string[];
                /** @description Only what came with this request or feed frame; repeated, any of these */
                correlation_id?: string | string[];
                /** @description Only what was recorded at this time or later */
                since?: string;
                /** @description Only what was recorded before this time */
                until?: string;
                /** @description asc: the oldest first; desc: the newest first; asc unless given */
                order?: "asc" | "desc";
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
                /** @description A balance after the last report in effect by then */
                as_of?: string;
                /** @description A balance by the facts up to this position */
                at_position?: string;
                /** @description A balance by the facts recorded by then */
                known_at?: string;
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description What is explained */
                kind: "balance" | "account" | "entry" | "withdrawal" | "deposit" | "trade" | "run" | "anomaly";
                /** @description As it is shown; of an entry the event id of its report */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listHeads: {
        parameters: {
            query?: {
                /** @description Only heads over more than this position */
                after?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    getInclusionProof: {
        parameters: {
            query: {
                /** @description Of the event */
                position: string;
                /** @description The head's `tree_size`; the newest unless it is given */
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
    listQuarantine: {
        parameters: {
            query?: {
                /** @description true: also what somebody dismissed */
                dismissed?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description true: only what is still unread; false: only what was read since */
                open?: "true" | "false";
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
                    /** @description Why, for those who come later */
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
            /** @description `already_closed`: It needs nobody any more */
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
            /** @description `already_closed`: It needs nobody any more */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    search: {
        parameters: {
            query: {
                /** @description An identifier, whole; of an account its beginning is enough */
                q: string;
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
                    "application/json": {
                        data: components["schemas"]["SearchHit"][];
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
                /** @description What sums are told apart by, beside the asset: sums over several assets mean nothing; repeated, any of these */
                group_by?: ("asset" | "account_type" | "account_group" | "provider") | ("asset" | "account_type" | "account_group" | "provider")[];
                /** @description The asset's code; repeated, any of these */
                asset?: string | string[];
                /** @description available, collateral, …; repeated, any of these */
                account_type?: string | string[];
                /** @description Zero Hash: the platform's group; repeated, any of these */
                account_group?: string | string[];
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description By the facts up to this position */
                at_position?: string;
                /** @description By the facts recorded by then */
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
                /** @description Only those in this stage; repeated, any of these */
                stage?: ("accepted" | "active" | "terminated") | ("accepted" | "active" | "terminated")[];
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); repeated, any of these */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); repeated, any of these */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; repeated, any of these */
                account_group?: string | string[];
                /** @description Only those that this finds: any present or former id, hash, reference; repeated, any of these */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    getTrade: {
        parameters: {
            query?: {
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listTradeHistory: {
        parameters: {
            query?: {
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listWithdrawals: {
        parameters: {
            query?: {
                /** @description Only those in this stage; repeated, any of these */
                stage?: ("requested" | "pending" | "approved" | "broadcast" | "confirmed" | "settled" | "failed" | "rejected" | "returned") | ("requested" | "pending" | "approved" | "broadcast" | "confirmed" | "settled" | "failed" | "rejected" | "returned")[];
                /** @description Only this provider's; repeated, any of these */
                provider?: ("zerohash" | "layer1") | ("zerohash" | "layer1")[];
                /** @description Only those of this asset (a trade: of one of its parties); repeated, any of these */
                asset?: string | string[];
                /** @description Only those that this participant owns or is paid by (a trade: one of its parties); repeated, any of these */
                participant_code?: string | string[];
                /** @description Only those of this group; a trade has none; repeated, any of these */
                account_group?: string | string[];
                /** @description Only those that this finds: any present or former id, hash, reference; repeated, any of these */
                identifier?: string | string[];
                /** @description Only those that changed last at this time or later */
                updated_since?: string;
                /** @description Only those that changed last before this time */
                updated_until?: string;
                /** @description Whether it has stayed in its stage for longer than COUNTERFOIL_STUCK_AFTER */
                stuck?: "true" | "false";
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
    getWithdrawal: {
        parameters: {
            query?: {
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
            /** @description `ambiguous_id`: The id stands for several records */
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
    listWithdrawalHistory: {
        parameters: {
            query?: {
                /** @description Waits until the read model has reached this position: read your writes */
                min_position?: string;
                /** @description Records on a page, at most; 100 unless it is given */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters */
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
            /** @description `ambiguous_id`: The id stands for several records */
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
}
