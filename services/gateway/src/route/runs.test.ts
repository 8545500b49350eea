import { runRecord } from "@counterfoil/contracts/record";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { expectOne, expectProblem } from "../testing/expectation.ts";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.ts";
import { createTestLedger, type TestLedger } from "../testing/test-ledger.ts";

let ledger: TestLedger;
let gateway: TestGateway;

beforeEach(async () => {
  ledger = await createTestLedger();
  await ledger.play("balances-feed-use-cases");
  gateway = await createTestGateway(ledger);
});

describe("a run", () => {
  test("has its movements on all accounts", async () => {
    const answer = await gateway.get("/v1/runs/94087");
    expectOne(answer, runRecord);
    expect(answer.body.data).toMatchObject({
      run_id: "94087",
      provider: "zerohash",
      run_type: "withdrawal",
      occurred_at: "2021-11-29T12:37:06.478122Z",
      accounts: [
        {
          account: "zerohash:DEF456:ABC123:general:available:BTC",
          change: "-0.1",
          balance: "0.35",
          movements: [{ movement_type: "withdrawal_pending", change: "-0.1" }],
        },
        {
          account: "zerohash:DEF456:ABC123:general:collateral:BTC",
          change: "0.1",
          balance: "0.1",
          movements: [{ movement_type: "withdrawal_pending", change: "0.1" }],
        },
      ],
    });
  });

  test("is found by its provider and id as well", async () => {
    const { body } = await gateway.get("/v1/runs/94087");
    expect((await gateway.get("/v1/runs/zerohash%3A94087")).body).toEqual(body);
  });

  test.each(["/v1/runs/1", "/v1/runs/zerohash:1", "/v1/runs/layer1:94087"])(
    "%s does not exist",
    async (url) => {
      expectProblem(await gateway.get(url), "not_found");
    },
  );
});
