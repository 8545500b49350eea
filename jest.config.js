export default {
  testMatch: ["**/*.test.ts"],
  transform: { "\\.ts$": "<rootDir>/test/support/strip-types.js" },
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "js", "json", "node"],
  testEnvironment: "node",
};
