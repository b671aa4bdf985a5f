// Owns what machine code a package is packed with: the cross-built files, or this machine's own build where there are none.
// Invariant: nothing made of other sources is packed, and what is missing is said; a package without an addon is still one.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isCurrent, listPlatform, PLATFORMS, root } from "./prebuild-list.mjs";

const own = `${process.platform}-${process.arch}`;

for (const platform of PLATFORMS) {
  if (!isCurrent(platform)) rmSync(join(root, "prebuilds", platform), { recursive: true, force: true });
}
if (!isCurrent(own)) stageOwn();

const missing = PLATFORMS.filter((platform) => !isCurrent(platform));
if (missing.length > 0) {
  console.error(
    `Packed without prebuilt addons for ${missing.join(", ")}: npm run build:prebuilds makes them.`,
  );
}

/** The addon, and each program of its host, that node-gyp built here: good for this system's C library and newer ones. */
function stageOwn() {
  const release = join(root, "build", "Release");
  const names = existsSync(release) ? readdirSync(release) : [];
  const built = names.filter((name) => /^redline(-[a-z]+)?(\.node|\.exe)?$/.test(name));
  if (!built.includes("redline.node")) return;
  const folder = join(root, "prebuilds", own);
  mkdirSync(folder, { recursive: true });
  for (const name of built) copyFileSync(join(release, name), join(folder, name));
  listPlatform(own);
}
