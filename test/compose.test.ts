import { loadConfig } from "@counterfoil/adapters/config";
import { CONFIG } from "@counterfoil/contracts/config";
import { describe, expect, test } from "@jest/globals";
import {
  type ComposeService,
  readComposeFile,
  readEnvFile,
  withDefaults,
} from "./support/compose-file.ts";
import { readRootFile } from "./support/root-file.ts";

const { services, volumes } = readComposeFile();
const entries = Object.entries(services);
const own = entries.filter(([, { image }]) => image.startsWith("counterfoil:"));
const dockerfile = readRootFile("infra/Dockerfile");
const root = JSON.parse(readRootFile("package.json"));

/** What a service's process finds in its environment when nothing of the user's is set. */
function environmentOf({ environment = {}, env_file = [] }: ComposeService) {
  const committed = env_file.filter((file) => typeof file === "string");
  const given = Object.entries(environment).map(([name, value]) => [
    name,
    withDefaults(String(value)),
  ]);
  return { ...Object.assign({}, ...committed.map(readEnvFile)), ...Object.fromEntries(given) };
}

const ofProfile = (profile: string) =>
  entries
    .filter(([, { profiles = [] }]) => profiles.includes(profile))
    .map(([name]) => name)
    .sort();

describe("the sizes", () => {
  test("the one that .env names is one server", () => {
    expect(readEnvFile(".env")).toEqual({ COMPOSE_PROFILES: "server" });
    expect(ofProfile("server")).toEqual(["counterfoil", "kafka", "postgres"]);
    expect(services.counterfoil?.command).toEqual(["start"]);
  });

  test("the cluster has each role as a process of its own", () => {
    const roles = ["gateway", "ingestor", "projector", "publisher"];
    expect(ofProfile("eventstore")).toEqual([...roles, "eventstore", "kafka", "postgres"].sort());
    expect(roles.map((role) => services[role]?.command)).toEqual(roles.map((role) => [role]));
  });

  test("monitoring stands beside either", () => {
    expect(ofProfile("monitoring")).toEqual(["grafana", "prometheus"]);
  });

  test("every service belongs to one", () => {
    expect(entries.filter(([, { profiles = [] }]) => profiles.length === 0)).toEqual([]);
  });

  test("the two share no ledger", () => {
    const ledgerOf = (name: string) =>
      loadConfig(environmentOf(services[name] as ComposeService)).COUNTERFOIL_LEDGER;
    expect(ledgerOf("counterfoil")).toBe("default");
    expect(ledgerOf("ingestor")).toBe("cluster");
  });
});

describe.each(entries)("%s", (name, service) => {
  test("its image has a version", () => {
    expect(service.image).toMatch(/:v?\d+(?:\.\d+)+[\w.-]*$/);
  });

  test("its ports are bound to loopback", () => {
    const ports = (service.ports ?? []).map(withDefaults);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  test("it has a health check, and rights enough to run", () => {
    expect(Object.keys(service.healthcheck ?? {})).toContain("interval");
    const isOwn = service.image.startsWith("counterfoil:");
    expect(isOwn ? dockerfile : JSON.stringify(service.healthcheck)).toMatch(/HEALTHCHECK|"test"/);
    expect(service.cap_drop).toEqual(["ALL"]);
    expect(service.security_opt).toContain("no-new-privileges:true");
  });

  test("its volumes are declared", () => {
    const named = (service.volumes ?? [])
      .filter((volume) => typeof volume === "string")
      .map((volume) => volume.split(":")[0] ?? "");
    expect(named.filter((volume) => !Object.hasOwn(volumes, volume))).toEqual([]);
    const keepsData = !service.image.startsWith("counterfoil:");
    expect(named.length > 0).toBe(keepsData);
  });

  test("it waits for services of all its sizes until they are healthy", () => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(condition).toBe("service_healthy");
      expect(services[other]?.profiles).toEqual(
        expect.arrayContaining([...(service.profiles ?? [])]),
      );
    }
    expect(name in (service.depends_on ?? {})).toBe(false);
  });
});

describe.each(own)("%s, a process of ours", (_name, service) => {
  test("its configuration is valid without any setting of the user's", () => {
    const config = loadConfig(environmentOf(service));
    expect(config.COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET).toEqual([
      expect.stringMatching(/throw-away/),
    ]);
    expect(config.COUNTERFOIL_ENVIRONMENT).toBe("trial");
    expect(config.COUNTERFOIL_ALLOW_UNSIGNED).toBe(false);
  });

  test("it names no variable that the program does not know", () => {
    const names = Object.keys(environmentOf(service));
    expect(names.filter((variable) => !Object.hasOwn(CONFIG, variable))).toEqual([]);
  });

  test("the user's own settings are read last", () => {
    expect(service.env_file?.at(-1)).toEqual({ path: "counterfoil.env", required: false });
    expect(readRootFile(".gitignore").split("\n")).toContain("counterfoil.env");
  });

  test("its root is read-only, and the program's version is that of the image", () => {
    expect(service.read_only).toBe(true);
    expect(service.image).toBe(`counterfoil:${root.version}`);
    expect(service.build?.dockerfile).toBe("infra/Dockerfile");
  });
});

describe("the image", () => {
  test("it runs on the Node that the project is tested with", () => {
    const [, node] = /^ARG NODE_IMAGE=node:([\d.]+)-/m.exec(dockerfile) ?? [];
    expect(node).toBe(root.devDependencies.node);
    expect(readRootFile("docker-compose.yml")).toContain(`:-node:${node}-`);
  });

  test("it carries the version of the program, and runs as nobody in particular", () => {
    expect(dockerfile).toContain(`org.opencontainers.image.version="${root.version}"`);
    expect(dockerfile).toMatch(/^USER (?!0)\d+:\d+$/m);
  });

  test("what it sets is known to the program", () => {
    const set = [...dockerfile.matchAll(/\b(COUNTERFOIL_[A-Z_]+)/g)].map(
      ([, variable]) => variable ?? "",
    );
    expect(set.length).toBeGreaterThan(2);
    expect(set.filter((variable) => !Object.hasOwn(CONFIG, variable))).toEqual([]);
  });
});
