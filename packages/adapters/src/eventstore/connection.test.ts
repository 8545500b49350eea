import { describe, expect, jest, test } from "@jest/globals";
import { connectionUrlProblem, hostsOf, openConnection } from "./connection.ts";

describe("a connection string", () => {
  test.each([
    "esdb://127.0.0.1:2113?tls=false",
    "esdb://host",
    " esdb://admin:changeit@host:2113/?tls=true&tlsCAFile=%2Fca.pem ",
    "esdb://u:p%40%3A%2F@a:2113,b:2113,c:2113?tls=true&maxDiscoverAttempts=50&discoveryInterval=200",
    "esdb+discover://u:p@cluster.example:2113?nodePreference=leader&keep_alive_interval=-1",
    "kurrentdb://u:p@host:2113?tls=true",
    "kurrentdb+discover://cluster.example:2113",
  ])("%s is one", (url) => {
    expect(connectionUrlProblem(url)).toBeNull();
  });

  test.each([
    ["", /no connection string/],
    ["http://host:2113", /scheme is http/],
    ["kurrent://host:2113", /expected esdb:/],
    ["esdb://", /no connection string/],
    ["esdb://secret@host", /not user:password/],
    ["esdb://user:se:cret@host", /write : in either as %3A/],
    ["esdb://user:@host", /not user:password/],
    ["esdb://user:secret%@host", /%25/],
    ["esdb://user:secr@et@host", /%40/],
    ["esdb://user:secr/et@host", /%2F/],
    ["esdb://user:secret@host:port", /"host:port" is no host/],
    ["esdb://user:secret@a,,b", /is no host/],
    ["esdb://user:secret@host?tls=maybe", /"tls" has a value that is no boolean/],
    ["esdb://user:secret@host?tlsVerifyCert=false", /"tlsVerifyCert" is unknown/],
    ["esdb://user:secret@host?tls", /"tls" has a value that is no boolean/],
    ["esdb://user:secret@host?gossipTimeout=5s", /no number/],
  ])("%s is refused, without its secret", (url, expected) => {
    const log = jest.spyOn(console, "warn");
    expect(connectionUrlProblem(url)).toMatch(expected);
    const opening = () => openConnection(url);
    expect(opening).toThrow(/^COUNTERFOIL_EVENTSTORE_URL cannot be used: /);
    expect(opening).toThrow(
      expect.not.objectContaining({ message: expect.stringMatching(/secr/) }),
    );
    expect(opening).toThrow(expect.objectContaining({ code: "configuration_invalid" }));
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  test.each([
    ["esdb://user:secret@host?userCertFile=a.pem", /userKeyFile/],
    ["esdb://user:secret@host?tlsCAFile=missing.pem", /certificate file/],
  ])("%s names what is missing", (url, expected) => {
    expect(() => openConnection(url)).toThrow(expected);
    expect(() => openConnection(url)).not.toThrow(/secret/);
  });

  test("its hosts can be shown", () => {
    expect(hostsOf("esdb://user:secret@a:2113,b?tls=true")).toBe("a:2113,b");
    expect(hostsOf("secret")).toBe("EventStoreDB");
  });
});
