import { createClient } from "@counterfoil/adapters/kafka/client";
import {
  missingForBroker,
  startBroker,
  type TestBroker,
} from "@counterfoil/adapters/kafka/testing/broker";
import { createKafkaTopics } from "@counterfoil/adapters/kafka/topics";
import { STATE_TOPICS, topicName } from "@counterfoil/contracts/kafka";
import { TRANSLATIONS } from "@counterfoil/core/translate/translate";
import { openSession } from "@counterfoil/processing/publish/publisher";
import type { StoppedKey } from "@counterfoil/processing/publish/topic-format";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { balanceBody, take } from "../system/messages.ts";
import { shownStates } from "../system/published.ts";
import { hashing, LEDGER, openTestLedger, type TestLedger } from "../system/support.ts";
import { readTopics } from "./published-topics.ts";

const missing = missingForBroker();
const describeWithBroker = missing === null ? describe : describe.skip;
const logger = pino({ level: "silent" });

/** The state topics, and the settings that they must keep. */
const STATES = Object.keys(STATE_TOPICS) as (keyof typeof STATE_TOPICS)[];
const KEPT = { "retention.ms": "-1", "retention.bytes": "-1" };

describeWithBroker(
  `a participant of 100,000 é${missing === null ? "" : ` (SKIPPED: ${missing})`}`,
  () => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await startBroker();
    });
    afterAll(() => broker?.dispose());

    const account = { participant_code: "é".repeat(100_000) };
    const report = (ledger: TestLedger, run: number, of = {}) => {
      ledger.clock.set(ledger.clock.now() + 1_000_000_000n);
      const at = 1_746_000_000_000 + run;
      const body = balanceBody({ run, change: "1", balance: String(run), at, account: of });
      return take(ledger, { body });
    };

    async function publish(ledger: TestLedger, prefix: string) {
      const stops: (StoppedKey & { error: string })[] = [];
      const topics = createKafkaTopics({
        brokers: [broker.address],
        prefix,
        logger,
        partitions: 3,
      });
      const publisher = await topics.open();
      const session = await openSession({
        ...{ ...ledger, ledger: LEDGER, hashing, publisher },
        onStopped: (stop) => void stops.push(stop),
      });
      while ((await session.step()) !== null);
      const { position, stoppedKeys } = session;
      await session.close();
      // The end of a transaction is written before the next one begins.
      await publisher.readStates("trades", async () => {});
      await publisher.close();
      return { position, stoppedKeys, stops };
    }

    async function raiseLimits(prefix: string): Promise<void> {
      const admin = createClient({ brokers: [broker.address], clientId: "test", logger }).admin();
      await admin.connect();
      const settings = [
        { topic: "events", kept: { "cleanup.policy": "delete", ...KEPT } },
        ...STATES.map((topic) => ({ topic, kept: { "cleanup.policy": "compact" } })),
      ] as const;
      await admin.alterConfigs({
        validateOnly: false,
        resources: settings.map(({ topic, kept }) => ({
          ...{ type: 2, name: topicName(prefix, topic) },
          configEntries: Object.entries({ ...kept, "max.message.bytes": "20000000" }).map(
            ([name, value]) => ({ name, value }),
          ),
        })),
      });
      await admin.disconnect();
    }

    test("is quarantined, and publishing goes on", async () => {
      const ledger = await openTestLedger({ live: false });
      await report(ledger, 1);
      expect(await report(ledger, 2, account)).toMatchObject({ reason: "too_long" });
      await report(ledger, 2);
      await ledger.catchUp();
      const { position } = await ledger.stream.head();
      expect(await publish(ledger, "fresh")).toEqual({ position, stoppedKeys: 0, stops: [] });
      const { facts, holes, states } = await readTopics(broker.address, "fresh");
      expect([facts.length, holes]).toEqual([position, []]);
      expect(states).toEqual(await shownStates(ledger.read));
      await ledger.close();
    });

    test("of an old ledger stops alone, in few words, until the limits are raised", async () => {
      const translations = { ...TRANSLATIONS, present: 2 };
      const ledger = await openTestLedger({ live: false, translations });
      await report(ledger, 1);
      await report(ledger, 1, account);
      await report(ledger, 2);
      await report(ledger, 2, account);
      await ledger.catchUp();
      const { position } = await ledger.stream.head();
      const shown = await shownStates(ledger.read);
      const large = Object.keys(shown.balances).filter((id) => id.length > 1000);
      expect(large).toHaveLength(1);

      const first = await publish(ledger, "old");
      expect(first.position).toBe(position);
      expect(first.stops.map(({ topic }) => topic)).toEqual(["events", "balances", "anomalies"]);
      expect(JSON.stringify(first.stops).length).toBeLessThan(2000);
      const before = await readTopics(broker.address, "old");
      expect(before.holes).toEqual([]);
      // Two movements and two reports of the account are missing, and nothing else.
      expect(before.facts.length).toBe(position - 4);
      const others = Object.entries(shown.balances).filter(([id]) => !large.includes(id));
      expect(before.states.balances).toEqual(Object.fromEntries(others));

      await raiseLimits("old");
      expect(await publish(ledger, "old")).toMatchObject({ stoppedKeys: 0, stops: [] });
      const after = await readTopics(broker.address, "old");
      expect([after.facts.length, after.holes]).toEqual([position, []]);
      expect(after.states).toEqual(shown);
      await ledger.close();
    });
  },
);
