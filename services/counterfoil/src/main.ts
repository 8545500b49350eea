import { keepCompiled } from "./program.ts";

keepCompiled();
await import("./cli.ts");
