// Asks which spellings of a source are understood, and that none of them leads anywhere unsafe.

import { expect, test } from "vitest";
import { parseSource, spellSource } from "../../../runtime/store/source.js";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

test.each([
  ["npm:@scope/name@1.2.3/dist/a.onnx", "npm"],
  ["pypi:faster-whisper==1.0.3/faster_whisper/assets/silero.onnx", "pypi"],
  ["pypi:a==1!2.0.post1+cu12/a/b.onnx", "pypi"],
  [`hf:owner/repo.name@${COMMIT}/onnx/model.onnx`, "hf"],
  ["hf:owner/repo@main/model.onnx", "hf"],
  ["https://models.example/a.onnx", "https"],
  ["file:weights/a.onnx", "file"],
])("%s is understood and spelt back", (text, scheme) => {
  const source = parseSource(text);

  expect(source).toMatchObject({ scheme });
  expect("scheme" in source ? spellSource(source) : "").toBe(text);
});

test.each([
  ["pypi:name/a.onnx", "spelling"],
  ["pypi:name==1.*/a.onnx", "spelling"],
  ["pypi:name>=1/a.onnx", "spelling"],
  ["pypi:--index-url==1/a.onnx", "spelling"],
  ["pypi:name==1.0/../a.onnx", "path"],
  ["hf:owner/a.onnx", "spelling"],
  ["hf:owner/repo/a.onnx", "spelling"],
  ["hf:../repo@main/a.onnx", "spelling"],
  ["hf:owner/repo@main/a.onnx?download=1", "spelling"],
  ["hf:owner/repo@main/../../a.onnx", "path"],
  ["http://models.example/a.onnx", "spelling"],
])("%s is refused", (text, flaw) => {
  const source = parseSource(text);

  expect(source).toMatchObject({ flaw });
});
