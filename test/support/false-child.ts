// Owns stand-ins for the child program: scripts that speak its lines and then misbehave as told. POSIX only.

import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** JavaScript for each verb; `reply(verb, fields)` answers the request `id`. */
export async function falseChild(verbs: Readonly<Record<string, string>>): Promise<string> {
  const file = path.join(await mkdtemp(path.join(tmpdir(), "redline-child-")), "child");
  const cases = Object.entries({
    start: 'reply("ready", "interface=1 ort=0")',
    open: 'reply("opened", "session=1")',
    close: 'reply("closed", "")',
    ...verbs,
  }).map(([verb, code]) => `case ${JSON.stringify(verb)}: ${code}; break;`);
  const script = `#!${process.execPath}
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));
lines.on("line", (line) => {
  const [verb, id] = line.split(" ");
  const reply = (answer, fields) => process.stdout.write(answer + " " + id + (fields && " " + fields) + "\\n");
  switch (verb) { ${cases.join(" ")} }
});
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  return file;
}
