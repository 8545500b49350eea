import { expect, test } from "@jest/globals";
import { testHashing as hashing } from "../translate/testing/hashing.ts";
import { foreignEvent } from "./read-event.ts";

/*
 * Frozen. Every reader seals what another client wrote alike, also in another language: the id was
 * computed apart from this code, with `uuid.uuid5` of Python, and the hash with `hashlib`.
 */
test("what another client wrote is sealed as the page on the stream's format says", () => {
  const before = {
    position: 3,
    hash: "f47e2d076d1edeb9ccefbb98a977cc648f6cc980ef3d31bf1c5b0ba5cc596aae",
    recordedAt: 7_289_654_399_999_999_999n,
    occurredAt: 0n,
  };
  const content = {
    ledger: "größe",
    event_id: "9f8b1c2d-0000-4000-8000-000000000001",
    event_type: 'Test "№ 5"',
    sha256: hashing.sha256('{"a":1}'),
  };
  expect(foreignEvent(before, content, hashing)).toEqual({
    position: 4,
    id: "9b14f4ac-6c25-50d4-a881-42208563e4f2",
    type: "ForeignEvent",
    schema_version: 1,
    subject: "ledger",
    occurred_at: 0n,
    recorded_at: 7_289_654_399_999_999_999n,
    causation_id: null,
    correlation_id: null,
    data: '{"event_id":"9f8b1c2d-0000-4000-8000-000000000001","event_type":"Test \\"№ 5\\"","sha256":"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"}',
    hash: "578a6d1a0f8a20a360f9cbffb4b2b14eaf0c5384ee1d5a73b0c3bb81c0fafc36",
  });
});
