import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts as freeRange } from "@counterfoil/adapters/testing/free-ports";
import {
  DockerComposeEnvironment,
  PullPolicy,
  type StartedDockerComposeEnvironment,
  Wait,
} from "testcontainers";
import { ROOT } from "../support/module-graph.ts";

type Profile = "server" | "eventstore";

/** Where the containers are reached from this machine; free when they were looked for. */
type Ports = Readonly<{ http: number; webhooks: number; kafka: number }>;

/** What the compose file starts, under a project name of its own. */
export type Installation = Readonly<{
  project: string;
  ports: Ports;
  /** The services that run, by name. */
  services: readonly string[];
  /** Restarts one service's container and waits until it is healthy. */
  restart: (service: string) => Promise<void>;
  /** @returns what a command in a service's container said and answered */
  exec: (
    service: string,
    command: readonly string[],
  ) => Promise<Readonly<{ output: string; exitCode: number }>>;
  /** Removes the containers; the volumes too, or they are kept for the next start. */
  down: (volumes: "remove" | "keep") => Promise<void>;
}>;

type StartOptions = Readonly<{ profile: Profile; project: string; ports: Ports }>;

/** Why the compose file cannot be started on this machine; null where it can. */
export function missingForContainers(profile: Profile): string | null {
  if (docker("info") === null) return "no Docker engine answers";
  if (docker("compose", "version") === null) return "the Docker client has no compose plugin";
  const images = docker("compose", "--profile", profile, "config", "--images");
  if (images === null) return "the compose plugin refuses docker-compose.yml";
  const missing = images
    .split("\n")
    .filter((image) => image !== "" && !image.startsWith("counterfoil:"))
    .filter((image) => docker("image", "inspect", image) === null);
  return missing.length === 0
    ? null
    : `no image ${missing.join(", ")}: pull or build it, or run test/containers/images/build`;
}

function docker(...args: readonly string[]): string | null {
  const { status, stdout } = spawnSync("docker", args, { cwd: ROOT, encoding: "utf8" });
  return status === 0 ? stdout : null;
}

const STARTUP_MS = 300_000;

/** Starts a profile and waits until every container is healthy, by its own question. */
export async function startInstallation(options: StartOptions): Promise<Installation> {
  const { profile, project, ports } = options;
  const started = await new DockerComposeEnvironment(ROOT, "docker-compose.yml")
    // The reaper is an image more that would have to be pulled; `down` is called by the tests.
    .withAutoCleanup(false)
    .withPullPolicy(NEVER)
    // Ours is built from the sources as they are, so that no older image is tried in their place.
    .withBuild()
    .withProjectName(project)
    .withProfiles(profile)
    .withEnvironment({
      HTTP_PORT: String(ports.http),
      WEBHOOK_PORT: String(ports.webhooks),
      KAFKA_PORT: String(ports.kafka),
    })
    .withDefaultWaitStrategy(Wait.forHealthCheck())
    .withStartupTimeout(STARTUP_MS)
    .up();
  return handleOf(started, options);
}

/** What is there is what is tested: nothing is fetched in the middle of a test. */
const NEVER = { ...PullPolicy.defaultPolicy(), shouldPull: () => "never" as const };

function handleOf(
  started: StartedDockerComposeEnvironment,
  { profile, project, ports }: StartOptions,
): Installation {
  const running = docker("compose", "--profile", profile, "config", "--services") ?? "";
  const containerOf = (service: string) => started.getContainer(`${service}-1`);
  return {
    project,
    ports,
    services: running.split("\n").filter((name) => name !== ""),
    restart: (service) => containerOf(service).restart(),
    exec: (service, command) => containerOf(service).exec([...command]),
    down: async (volumes) => {
      await started.down({ removeVolumes: volumes === "remove", timeout: 60_000 });
    },
  };
}

/** The secret that the compose file starts with unless it is given another. */
export function trialSecret(): string {
  const text = readFileSync(join(ROOT, "infra/trial.env"), "utf8");
  const [, secret] = /^COUNTERFOIL_ZEROHASH_WEBHOOK_SECRET=(.+)$/m.exec(text) ?? [];
  if (secret === undefined) throw new Error("infra/trial.env names no webhook secret");
  return secret;
}

export async function freePorts(): Promise<Ports> {
  const http = await freeRange(3);
  return { http, webhooks: http + 1, kafka: http + 2 };
}
