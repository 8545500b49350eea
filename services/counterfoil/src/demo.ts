import { keepCompiled } from "./program.ts";

keepCompiled();
await import("./demo/main.ts");
