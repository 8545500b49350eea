const [major] = process.versions.node.split(".");
if (Number(major) < 24) {
  console.error(`counterfoil needs Node.js 24 or newer, this is ${process.versions.node}`);
  process.exit(2);
}
const { endOnSignals } = await import("../src/service/signals.ts");
endOnSignals(process.argv[2]);
const { runProgram } = await import("../src/main.ts");
await runProgram();
