// Owns a Chromium for tests: found where it is installed, started, and pages of it that leave results. Knows no page's work.
// Invariant: what goes wrong on a page is thrown.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The path of an installed Chromium; says so once when there is none, because tests are skipped then. */
export const CHROMIUM = [process.env.REDLINE_CHROMIUM, ...PLACES].find((path) => path && existsSync(path));
if (CHROMIUM === undefined)
  console.warn("no Chromium (apt-get install chromium, or REDLINE_CHROMIUM=PATH): its tests are skipped");

/** Starts it. Its sandbox needs a user other than root. */
export function startChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", ...args] });
}

/** Opens a page and answers what it leaves in `results`. */
export async function resultsOf<Results>(
  browser: Browser,
  { address, timeoutMs = 50_000 }: { readonly address: string; readonly timeoutMs?: number },
): Promise<Results> {
  const page = await browser.newPage();
  const failed = new Promise<never>((_, reject) => page.once("pageerror", reject));
  await page.goto(address);
  const found = page.waitForFunction(() => (globalThis as { results?: unknown }).results, undefined, {
    timeout: timeoutMs,
  });
  const results = await (await Promise.race([found, failed])).jsonValue();
  await page.close();
  return results as Results;
}
