import ordinary from "../../jest.config.js";

/** The suites that need a Docker engine and the images of the compose file; one at a time. */
export default {
  ...ordinary,
  rootDir: "../..",
  testMatch: ["**/test/containers/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  testTimeout: 600_000,
  maxWorkers: 1,
};
