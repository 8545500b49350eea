import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire, getCompileCacheDir } from "node:module";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** A file as it is served. `br` and `gzip` are null if compression gains nothing. */
export type ServedFile = Readonly<{
  type: string;
  bytes: Uint8Array;
  br: Uint8Array | null;
  gzip: Uint8Array | null;
}>;

/** The console as it is served: one document at every address, and files that never change. */
type Bundle = Readonly<{
  document: ServedFile;
  /** By name; a name contains the digest of the bytes. */
  files: ReadonlyMap<string, ServedFile>;
}>;

/** The console's files, built once per process. */
export type Console = Readonly<{
  /**
   * Builds the files at the first call.
   *
   * @throws Error if they cannot be built; the next call tries again
   */
  bundle: () => Promise<Bundle>;
  /** Cancels a running build. */
  stop: () => void;
}>;

export function createConsole(): Console {
  const stopping = new AbortController();
  let built: Promise<Bundle> | null = null;
  return {
    bundle() {
      built ??= buildInChildProcess(stopping.signal).catch((error: unknown) => {
        built = null;
        throw error;
      });
      return built;
    },
    stop: () => stopping.abort(),
  };
}

/** Builds in a temporary process, which runs this file: the bundler would keep 150 MB in this one. */
function buildInChildProcess(signal: AbortSignal): Promise<Bundle> {
  const compiled = getCompileCacheDir();
  const child = fork(import.meta.filename, [], {
    signal,
    serialization: "advanced",
    // The build needs only the sources, so the child gets no secrets from the environment.
    env: compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled },
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const stderr: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("message", (bundle) => resolve(bundle as Bundle));
    child.once("error", reject);
    child.once("close", (code) =>
      reject(new Error(`the console's build ended with ${code}: ${Buffer.concat(stderr)}`)),
    );
  });
}

/** Where the files are served. */
const FILES = "/console/";

const BROWSER = join(import.meta.dirname, "browser");
const require = createRequire(import.meta.url);

/** One font family for text and one for tabular digits, Latin only. */
const FONTS = [
  ["Inter", "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"],
  [
    "JetBrains Mono",
    "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
  ],
] as const;

/** Builds the served files from the sources; none of them is in the repository. Takes some 0.3 s. */
async function buildConsole(): Promise<Bundle> {
  const files = new Map<string, ServedFile>();
  const fonts = FONTS.map(([family, specifier]) => {
    const path = require.resolve(specifier);
    const bytes = readFileSync(path);
    const name = hashedName(basename(path), bytes);
    files.set(name, { type: "font/woff2", bytes, br: null, gzip: null });
    return { family, name };
  });
  const icon = readFileSync(join(BROWSER, "favicon.svg"));
  const iconName = hashedName("favicon.svg", icon);
  files.set(iconName, await compressed("image/svg+xml", icon));
  const styles = Buffer.from(stylesWith(fonts));
  const stylesName = hashedName("console.css", styles);
  files.set(stylesName, await compressed("text/css; charset=utf-8", styles));
  const { scripts, entry, imports } = await buildScripts();
  for (const [name, code] of scripts) {
    files.set(name, await compressed("text/javascript; charset=utf-8", Buffer.from(code)));
  }
  const html = documentWith({ fonts, iconName, stylesName, entry, imports });
  return { document: await compressed("text/html; charset=utf-8", Buffer.from(html)), files };
}

type Scripts = Readonly<{
  scripts: ReadonlyMap<string, string>;
  entry: string;
  /** Static imports of the entry. */
  imports: readonly string[];
}>;

async function buildScripts(): Promise<Scripts> {
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({
    input: { console: join(BROWSER, "main.tsx") },
    platform: "browser",
    treeshake: true,
  });
  try {
    const { output } = await bundle.generate({
      format: "es",
      minify: true,
      entryFileNames: "[name]-[hash].js",
      chunkFileNames: "[name]-[hash].js",
    });
    const chunks = output.filter((each) => each.type === "chunk");
    const entry = chunks.find(({ isEntry }) => isEntry);
    return {
      scripts: new Map(chunks.map(({ fileName, code }) => [fileName, code])),
      entry: entry?.fileName ?? "",
      imports: entry?.imports ?? [],
    };
  } finally {
    await bundle.close();
  }
}

type Font = Readonly<{ family: string; name: string }>;

/** One style sheet: fonts, the plot's styles, then the files of the folder in the order of their names. */
function stylesWith(fonts: readonly Font[]): string {
  const folder = join(BROWSER, "styles");
  const own = readdirSync(folder)
    .filter((name) => name.endsWith(".css"))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8"));
  const faces = fonts.map(
    ({ family, name }) =>
      `@font-face{font-family:"${family}";src:url("${FILES}${name}") format("woff2");font-weight:100 900;font-display:swap}`,
  );
  const plot = readFileSync(require.resolve("uplot/dist/uPlot.min.css"), "utf8");
  return [...faces, plot, ...own].join("\n");
}

type Named = Readonly<{
  fonts: readonly Font[];
  iconName: string;
  stylesName: string;
  entry: string;
  imports: readonly string[];
}>;

const documentWith = ({ fonts, iconName, stylesName, entry, imports }: Named): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Counterfoil</title>
<link rel="icon" type="image/svg+xml" href="${FILES}${iconName}">
<link rel="stylesheet" href="${FILES}${stylesName}">
${fonts.map(({ name }) => `<link rel="preload" as="font" type="font/woff2" crossorigin href="${FILES}${name}">`).join("\n")}
${imports.map((name) => `<link rel="modulepreload" href="${FILES}${name}">`).join("\n")}
<script type="module" src="${FILES}${entry}"></script>
</head>
<body>
<div id="console"></div>
<noscript>The console needs JavaScript. The same answers are at <a href="/v1/status">/v1/status</a> and <a href="/docs">/docs</a>.</noscript>
</body>
</html>
`;

function hashedName(name: string, bytes: Uint8Array): string {
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  return name.replace(/\.(\w+)$/, `-${digest}.$1`);
}

async function compressed(type: string, bytes: Uint8Array): Promise<ServedFile> {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(bytes, quality),
    promisify(gzip)(bytes, { level: 9 }),
  ]);
  return { type, bytes, br, gzip: zipped };
}

if (import.meta.main) process.send?.(await buildConsole(), () => process.disconnect());
