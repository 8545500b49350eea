export default {
  testMatch: ["**/*.test.ts"],
  // Those need a Docker engine: `pnpm test:containers`.
  testPathIgnorePatterns: ["/node_modules/", "/test/containers/"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.js" },
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "js", "json", "node"],
  testEnvironment: "node",
  setupFiles: ["<rootDir>/test/support/property-seed.js"],
  // Tests wait for positions and conditions; this only ends one that will never see its own.
  testTimeout: 600_000,
  // Two at once, each in a process of its own that is renewed when it has grown: modules of the vm
  // API are never given back.
  maxWorkers: 2,
  workerIdleMemoryLimit: "700MB",
};
