import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CONFIG } from "@counterfoil/contracts/config";
import { describe, expect, test } from "@jest/globals";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { parse, parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dirname, "..");
const FOLDER = join(ROOT, "infra/kubernetes");
const ROLES = ["ingestor", "projector", "publisher", "gateway"];
const KINDS = { Deployment, PodDisruptionBudget, ConfigMap, Service } as const;
type Kind = keyof typeof KINDS;

const textOf = (file: string) => readFileSync(join(FOLDER, file), "utf8");
const kustomization = parse(textOf("kustomization.yaml"));
const manifests: readonly { kind: Kind; metadata: { name: string } }[] =
  kustomization.resources.flatMap((file: string) =>
    parseAllDocuments(textOf(file)).map((document) => document.toJS()),
  );
const named = manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest]);
const deployments = manifests.filter(({ kind }) => kind === "Deployment").map(podOf);

function podOf(manifest: unknown) {
  const { spec, metadata } = new Deployment(manifest as never);
  const pod = spec?.template.spec;
  const container = pod?.containers[0];
  if (spec === undefined || pod === undefined || container === undefined) {
    throw new Error(`${metadata?.name} has no container`);
  }
  return [metadata?.name ?? "", { spec, pod, container }] as const;
}

describe("the manifests of Kubernetes", () => {
  test("are all named by the kustomization, and one for each role", () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith(".yaml"));
    expect([...kustomization.resources, "kustomization.yaml"].sort()).toEqual(files.sort());
    expect(deployments.map(([name]) => name)).toEqual(ROLES.map((role) => `counterfoil-${role}`));
    expect(deployments.map(([, { container }]) => container.args)).toEqual(ROLES.map((it) => [it]));
  });

  test.each(named)("%s is valid by the schema of its kind", (_name, manifest) => {
    const { kind } = manifest as { kind: Kind };
    expect(() => new KINDS[kind](manifest as never).validate()).not.toThrow();
  });

  // The schemas let unknown fields pass, and so does a cluster: a misspelt probe is none.
  test("have no field that their kinds do not know", async () => {
    const folder = join(ROOT, "node_modules/.cache/kubernetes");
    mkdirSync(folder, { recursive: true });
    const lines = manifests.map(
      (manifest) => `(${JSON.stringify(manifest)}) satisfies I${manifest.kind};`,
    );
    const imports = [
      'import type { IDeployment } from "kubernetes-models/apps/v1/Deployment";',
      'import type { IPodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";',
      'import type { IConfigMap } from "kubernetes-models/v1/ConfigMap";',
      'import type { IService } from "kubernetes-models/v1/Service";',
    ];
    const compile = async (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      const flags = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--ignoreConfig",
        "--module",
        "nodenext",
      ];
      const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
      const args = [tsc, ...flags, "--types", "", name];
      return promisify(execFile)(process.execPath, args, { cwd: folder }).then(
        () => "",
        ({ stdout }: { stdout: string }) => stdout,
      );
    };
    expect(await compile("manifests.mts", [...imports, ...lines].join("\n"))).toBe("");
    const misspelt = [...imports, ...lines].join("\n").replace('"readinessProbe"', '"readyProbe"');
    expect(await compile("misspelt.mts", misspelt)).toContain("readyProbe");
  });

  test.each(deployments)("%s runs as nobody, writes nowhere, and says how it is", (_, role) => {
    const { spec, pod, container } = role;
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.livenessProbe?.httpGet?.path).toBe("/healthz");
    expect(container.startupProbe?.httpGet?.path).toBe("/healthz");
    expect(container.readinessProbe?.httpGet?.path).toBe("/readyz");
    expect(container.resources?.limits?.memory).toBeDefined();
    expect(container.resources?.requests).toMatchObject({ cpu: expect.any(String) });
    expect(spec.selector.matchLabels).toEqual(spec.template.metadata?.labels);
    const budget = manifests.find(
      ({ kind, metadata }) =>
        kind === "PodDisruptionBudget" && `counterfoil-${container.name}` === metadata.name,
    );
    expect(new PodDisruptionBudget(budget as never).spec).toEqual({
      minAvailable: 1,
      selector: spec.selector,
    });
  });

  test("set nothing that the program does not know", () => {
    const configuration = manifests.find(({ kind }) => kind === "ConfigMap");
    const set = Object.keys(new ConfigMap(configuration as never).data ?? {});
    expect(set.filter((name) => !Object.hasOwn(CONFIG, name))).toEqual([]);
  });

  test("run the version that this is", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(kustomization.images).toEqual([{ name: "counterfoil", newTag: version }]);
    expect(deployments.map(([, { container }]) => container.image)).toEqual(
      ROLES.map(() => "counterfoil"),
    );
  });
});
