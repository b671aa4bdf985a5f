// Asks whether the published JSON Schema is the one the runtime checks with.

import { expect, test } from "vitest";
import { manifestJsonSchema } from "../../../runtime/store/manifest.js";

test("the published JSON Schema is the one the runtime checks with (vitest -u writes it)", async () => {
  const schema = manifestJsonSchema();

  const text = `${JSON.stringify(schema, null, 2)}\n`;

  await expect(text).toMatchFileSnapshot("../../../models/manifest.schema.json");
});
