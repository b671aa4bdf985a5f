// Owns the proof that a report says what its rows say, in words, and takes nothing of them for markup.

import { expect, test } from "vitest";
import { renderReport } from "../../../../bench/trials/report.js";
import { largestRun } from "../../../fixtures/bench-rows.js";

test("every load, subject, verdict, skip and disturbance is in the report", () => {
  const rows = largestRun();

  const html = renderReport(rows);

  for (const row of rows) {
    if (row.type === "skip") expect(html).toContain(`${row.subject} was skipped: ${row.why}.`);
    if (row.type !== "result") continue;
    expect(html).toContain(`>${row.subject}</td>`);
    if (row.subject === "redline") expect(html).toContain(row.words.replace(/^(not )?valid(?= )/, ""));
  }
  expect(html).toContain("road-seg: server, 10 arrivals a second within 100 ms");
  expect(html).toContain("redline, trial 2, attempt 0");
  expect(html).toContain("did not settle");
});

test("the page has no script and no address but its own", () => {
  const html = renderReport(largestRun());

  expect(html).not.toMatch(/<script|https?:\/\/|@import|url\(|src=/i);
});

test("text of rows is text, whatever it holds", () => {
  const rows = largestRun().map((row) =>
    row.type === "run" ? row : { ...row, model: '<img src=x onerror="alert(1)">' },
  );

  const html = renderReport(rows as ReturnType<typeof largestRun>);

  expect(html).not.toContain("<img");
  expect(html).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
  expect(html).toContain("A processor &lt;of&gt; some kind");
});

test("of several runs the last is reported, and rows without one are refused", () => {
  const earlier = largestRun().map((row) => ({ ...row, run: "2025-01-01T00:00:00.000Z" }));

  expect(renderReport([...earlier, ...largestRun()])).toBe(renderReport(largestRun()));
  expect(() => renderReport(largestRun().slice(1))).toThrow(
    expect.objectContaining({ code: "SOURCE_EMPTY" }),
  );
});
