// Owns the proof that every system gets the commands of its own package manager.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { remedyFor, systemFamily } from "../../runtime/remedies.js";

test.each([
  { release: 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', family: "debian" },
  { release: 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', family: "fedora" },
  { release: "ID=alpine\n", family: "alpine" },
  { release: "ID=endeavouros\nID_LIKE=arch\n", family: "arch" },
  { release: "ID=nixos\n", family: "linux" },
])("a system that calls itself $release is of the family $family", async ({ release, family }) => {
  const folder = await mkdtemp(join(tmpdir(), "redline-release-"));
  const osReleasePath = join(folder, "os-release");
  await writeFile(osReleasePath, release);

  const found = systemFamily({ platform: "linux", osReleasePath });

  expect(found).toBe(family);
  await rm(folder, { recursive: true });
});

test("a Linux without a release file still gets advice", () => {
  const family = systemFamily({ platform: "linux", osReleasePath: "does-not-exist" });

  expect(remedyFor("compiler", { family })).toContain("C++17 compiler");
});

test("Macs and Windows are told apart from Linux", () => {
  expect(remedyFor("ffmpeg", { family: systemFamily({ platform: "darwin" }) })).toBe("brew install ffmpeg");
  expect(remedyFor("ffmpeg", { family: systemFamily({ platform: "win32" }) })).toBe(
    "winget install Gyan.FFmpeg",
  );
});
