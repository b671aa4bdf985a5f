// Every way a process can live and end with the host at work in it: it ends as it was told, at once, without a crash, with
// nothing left behind. `npm run test:lifetime` plays the same cases many times on several versions of Node.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { LIFETIME_CASES } from "../../bench/lifetime/cases.js";
import { play } from "../../bench/lifetime/play.js";
import { Stage } from "../../bench/lifetime/stage.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";

const ROOT = packageRoot();
if (!existsSync(join(ROOT, "dist/runtime/index.js")))
  execFileSync("npm", ["run", "build:ts"], { cwd: ROOT, stdio: "inherit" });
const stage = new Stage();
afterAll(() => stage.close());

const subjects = [...new Set(LIFETIME_CASES.map(({ subject }) => subject))];

describe.each(subjects)("%s", (subject) => {
  const cases = LIFETIME_CASES.filter((lifetimeCase) => lifetimeCase.subject === subject);

  test.each(cases)("$name", async (lifetimeCase) => {
    const { environment } = stage;

    const played = await play({ lifetimeCase, node: process.execPath, environment });

    expect(played.faults).toEqual([]);
  });
});
