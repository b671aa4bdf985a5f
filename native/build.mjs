// Owns building the addon in a checkout. Knows no platform's compiler: node-gyp does.
// Invariant: without a compiler the installation still succeeds, with a notice; REDLINE_REQUIRE_ADDON=1 makes it fail.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const status = build();
if (status !== 0) process.exitCode = report(status);

function build() {
  let gyp;
  try {
    gyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
  } catch {
    return "node-gyp is not installed";
  }
  const prefix = join(dirname(process.execPath), "..");
  const hasHeaders = existsSync(join(prefix, "include", "node", "node_api.h"));
  // With the headers that came with Node nothing is downloaded; else node-gyp fetches them.
  const options = hasHeaders ? [`--nodedir=${prefix}`] : [];
  const jobs = ["--jobs", "max"];
  const run = spawnSync(process.execPath, [gyp, "rebuild", "--loglevel=warn", ...jobs, ...options], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (run.error !== undefined) return run.error.message;
  return run.status === 0 ? 0 : `node-gyp ended with status ${run.status ?? run.signal}`;
}

function report(reason) {
  console.error(`The native addon was not built: ${reason}.`);
  console.error(
    "Redline works without it, through onnxruntime-node in a child process: no cancel, no priorities.",
  );
  console.error("To build it: install Python 3 and a C++17 compiler, then run: npm run build:native");
  return process.env.REDLINE_REQUIRE_ADDON === "1" ? 1 : 0;
}
