// Owns the proof that a report opens from disk in a real browser, whole, quiet and alone. Skipped, and said so, without Chromium.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeReport } from "../../bench/trials/report.js";
import { largestRun } from "../fixtures/bench-rows.js";

const CHROMIUM = [process.env.REDLINE_CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);
if (CHROMIUM === undefined) console.warn("skipped: no Chromium; REDLINE_CHROMIUM says where one is");

let folder: string;
let report: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-report-"));
  report = join(folder, "report.html");
  writeReport(report, largestRun());
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a browser asks for by itself when its profile is new: its maker's services. */
const BROWSERS_OWN = /^https?:\/\/([^/]+\.)?(google|googleapis|gstatic|gvt1)\.com(:\d+)?\//;

interface Opened {
  readonly out: string;
  readonly err: string;
  /** Addresses the page asked the network for. */
  readonly requested: readonly string[];
}

async function open(page: string, flags: readonly string[]): Promise<Opened> {
  const log = join(folder, "net.json");
  const quiet = [
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
  ];
  const { stdout, stderr, status } = spawnSync(
    CHROMIUM as string,
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--enable-logging=stderr",
      `--user-data-dir=${join(folder, "profile")}`,
      `--log-net-log=${log}`,
      ...quiet,
      ...flags,
      pathToFileURL(page).href,
    ],
    { encoding: "utf8", timeout: 50_000, maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`Chromium ended with ${status}: ${stderr.slice(-500)}`);
  const urls = [...(await readFile(log, "utf8")).matchAll(/"url":"([^"]+)"/g)].map(
    ([, url]) => url as string,
  );
  const asked = urls.filter((url) => /^(https?|wss?|ftp):/.test(url) && !BROWSERS_OWN.test(url));
  return { out: stdout, err: stderr, requested: asked };
}

test("a report of the largest run is at most two megabytes", async () => {
  expect((await stat(report)).size).toBeLessThan(2_000_000);
});

test.skipIf(CHROMIUM === undefined)(
  "it opens from disk without a request and without a word on the console",
  async () => {
    const { out, err, requested } = await open(report, ["--dump-dom"]);

    expect(out).toContain("<h2>Verdicts</h2>");
    expect(out.match(/<svg/g)?.length).toBeGreaterThan(5);
    expect(err.split("\n").filter((line) => line.includes("CONSOLE"))).toEqual([]);
    expect(requested).toEqual([]);
  },
);

test.skipIf(CHROMIUM === undefined)(
  "a page that asks for something and says something is seen to",
  async () => {
    const page = join(folder, "loud.html");
    await writeFile(page, '<img src="http://127.0.0.1:9/x.png"><script>console.error("a word")</script>');

    const { err, requested } = await open(page, ["--dump-dom"]);

    expect(requested).toContain("http://127.0.0.1:9/x.png");
    expect(err).toContain("CONSOLE");
  },
);

test.skipIf(CHROMIUM === undefined)(
  "it draws something in dark and in light, on pages of different brightness",
  async () => {
    const means: number[] = [];
    for (const [name, flags] of [
      ["light", []],
      [
        "dark",
        ["--force-dark-mode", "--enable-features=WebUIDarkMode", "--blink-settings=preferredColorScheme=0"],
      ],
    ] as const) {
      const picture = join(process.env.REDLINE_REPORT_PICTURES ?? folder, `report-${name}.png`);
      await open(report, [...flags, "--window-size=1100,1800", `--screenshot=${picture}`]);
      const { channels } = await sharp(picture).stats();
      means.push(channels[0]?.mean ?? 0);
      expect(channels[0]?.stdev, name).toBeGreaterThan(5);
    }

    expect(means[0]! - means[1]!).toBeGreaterThan(80);
  },
);
