// Owns the list of shipped machine code, prebuilds/sha256.json: what each file hashes to and which sources it is made of.
// Knows no compiler. Invariant: a file is in the list only with the sources it was built from.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What a package carries machine code for. */
export const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"];
const listPath = join(root, "prebuilds", "sha256.json");
const sourcesKey = (platform) => `${platform} sources`;

/** What the list holds: file under prebuilds/ -> sha256, and one entry of sources for each platform. */
function readList() {
  return existsSync(listPath) ? JSON.parse(readFileSync(listPath, "utf8")) : {};
}

/** Lists every file of a platform's folder as built from the sources of now. */
export function listPlatform(platform) {
  const list = readList();
  for (const key of Object.keys(list)) {
    if (key === sourcesKey(platform) || key.startsWith(`${platform}/`)) delete list[key];
  }
  for (const file of filesUnder(join(root, "prebuilds", platform))) {
    list[`${platform}/${file}`] = sha256(readFileSync(join(root, "prebuilds", platform, file)));
  }
  list[sourcesKey(platform)] = hashOfSources();
  const sorted = Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
  mkdirSync(dirname(listPath), { recursive: true });
  writeFileSync(listPath, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** Whether a platform's shipped files are there and made of the sources of now. */
export function isCurrent(platform) {
  const list = readList();
  const files = Object.keys(list).filter((key) => key.startsWith(`${platform}/`));
  return (
    files.length > 0 &&
    list[sourcesKey(platform)] === hashOfSources() &&
    files.every((file) => existsSync(join(root, "prebuilds", file)))
  );
}

/** One hash over everything that decides the bytes of the addon, whatever the folder it lies in. */
function hashOfSources() {
  const hash = createHash("sha256");
  const sources = ["binding.gyp", "native/build-prebuilds.mjs", "native/toolchain.txt"];
  const native = filesUnder(join(root, "native")).filter((file) => /^(?!test\/).*\.(cc|h|map)$/.test(file));
  for (const path of [...sources, ...native.map((file) => `native/${file}`)]) {
    hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest("hex");
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
