// Owns the frame of a report: its style in dark and light, and the page around its parts. Knows no row.
// Invariant: the page holds everything it needs; it has no script and no address.

/** Colours of subjects, light and dark; Redline's stands out, controls step back. */
const SUBJECT_COLOURS: Readonly<Record<string, readonly [string, string]>> = {
  "s-redline": ["#c22f1f", "#ff7a66"],
  "s-onnxruntime-node-tuned": ["#1f5fae", "#6fb1ff"],
  "s-onnxruntime-node": ["#6b3fa0", "#c09cf5"],
  "s-onnxruntime-web": ["#0f766e", "#4fd1c0"],
  "s-null-provider": ["#6b7280", "#a3abb8"],
  "s-postmessage-echo": ["#8a6d3b", "#d0b27c"],
};

const colours = (side: 0 | 1): string =>
  Object.entries(SUBJECT_COLOURS)
    .map(([name, both]) => `.${name}{--c:${both[side]}}`)
    .join("");

const STYLE = `
:root{color-scheme:light dark;--page:#fbfaf8;--text:#1c1b19;--soft:#5d5a55;--rule:#dedbd5;--good:#1c6b3a;--bad:#a3231a;--card:#ffffff}
${colours(0)}
@media (prefers-color-scheme:dark){:root{--page:#151618;--text:#ecebe8;--soft:#a5a29b;--rule:#34363a;--good:#6fd08e;--bad:#ff8a7a;--card:#1c1e21}${colours(1)}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1080px;padding:32px 20px 64px;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:40px 0 8px;border-top:1px solid var(--rule);padding-top:20px}h3{font-size:15px;margin:20px 0 4px}
p,ul{margin:6px 0}.soft{color:var(--soft)}.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:6px;margin:8px 0}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{padding:5px 10px;text-align:right;white-space:nowrap;border-top:1px solid var(--rule);font-variant-numeric:tabular-nums}
tr:first-child th{border-top:0}th{color:var(--soft);font-weight:600}th:first-child,td:first-child,.words td,.words th{text-align:left}.words td{white-space:normal}
td small{color:var(--soft);display:block;font-size:11px}
.swatch{display:inline-block;width:10px;height:10px;border-radius:2px;background:var(--c);margin-right:7px}
svg{width:100%;height:auto;display:block}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}.thin{stroke-width:1;opacity:.6}
.label{fill:var(--c);font-size:12px;font-weight:600}.tick{fill:var(--soft);font-size:11px}.grid{stroke:var(--rule);stroke-width:1}
.split{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}.deadline{stroke:var(--text);stroke-width:1;stroke-dasharray:6 4}.deadline-text{fill:var(--text);font-size:11px}
.miss{fill:var(--bad)}
`;

/** The page. `title` and `body` are HTML already. */
export function page({ title, body }: { readonly title: string; readonly body: string }): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>${body}</body></html>
`;
}
