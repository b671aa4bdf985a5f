// Finding and loading the ONNX Runtime library, and our own table of its functions.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ORT_API_VERSION } from "../../runtime/bindings/addon.js";
import { findOrtLibrary } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();
const slotList = join(packageRoot(), "..", "shared", "ort-api-slots.tsv");

describe("loading the library", () => {
  test("says what was asked for and what there is when it cannot be used, and still loads the right one after", async () => {
    const path = findOrtLibrary();

    await expect(
      addon.openSession({ provider: "ort", path: "x", criticality: "critical", laneIndex: 0, slots: 1 }),
    ).rejects.toMatchObject({ code: "PROVIDER_UNAVAILABLE" });
    await expect(addon.loadOrt("/nowhere/libonnxruntime.so.1", ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_UNAVAILABLE",
      message: expect.stringContaining("/nowhere/libonnxruntime.so.1"),
    });
    await expect(addon.loadOrt(fileURLToPath(import.meta.url), ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_UNAVAILABLE",
    });
    await expect(addon.loadOrt(path, 99)).rejects.toMatchObject({
      code: "PROVIDER_VERSION",
      message: expect.stringMatching(/wanted API version 99, ONNX Runtime 1\.\d+\.\d+ offers up to \d+/),
    });
    await expect(addon.loadOrt(path, ORT_API_VERSION)).resolves.toMatchObject({
      version: expect.stringMatching(/^1\./),
    });
  });
});

describe("the table of functions", () => {
  // The list of every slot is a development asset that does not travel with the repository.
  test.skipIf(!existsSync(slotList))("has each function at the slot the library gives it", () => {
    const slots = new Map(
      readFileSync(slotList, "utf8")
        .split("\n")
        .map((line) => line.split("\t"))
        .map(([number, name]) => [name, Number(number)]),
    );
    const header = readFileSync(join(packageRoot(), "native", "host", "ort_abi.h"), "utf8");
    const ours = [...header.matchAll(/struct (\w+) \{ static constexpr std::size_t kSlot = (\d+);/g)];

    expect(ours.length).toBeGreaterThan(50);
    for (const [, name, number] of ours) expect([name, Number(number)]).toEqual([name, slots.get(name)]);
  });
});
