import { keepCompiled } from "./compile-cache.ts";

keepCompiled();
await import("./demo/main.ts");
