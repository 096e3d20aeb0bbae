// Loaded into every node process of a run. Asks jest, vitest and mocha for a machine-readable report beside their own.
const path = require("node:path");

const directory = process.env.FACTORY_REPORT;
const entry = process.argv[1] ? path.basename(process.argv[1]).replace(/\.(c|m)?js$/, "") : "";

if (directory && require("node:worker_threads").isMainThread) {
  const file = (name) => path.join(directory, `${name}-${process.pid}.json`);
  if (entry === "jest") {
    process.argv.push("--json", `--outputFile=${file("jest")}`);
  } else if (entry === "vitest") {
    process.argv.push("--reporter=default", "--reporter=json", `--outputFile.json=${file("jest")}`);
  } else if (entry === "mocha" || entry === "_mocha") {
    if (!process.argv.includes("--reporter")) {
      process.argv.push("--reporter", "json", "--reporter-option", `output=${file("mocha")}`);
    }
  }
  if (["jest", "vitest", "mocha", "_mocha"].includes(entry)) delete process.env.FACTORY_REPORT;
  if (process.env.NODE_TEST_CONTEXT) {
    // A test file below `node --test`: what it starts is not the run.
    delete process.env.FACTORY_REPORT;
    delete process.env.NODE_OPTIONS;
  }
}
