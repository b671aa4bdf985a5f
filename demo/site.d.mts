// Owns the face of how the demo page is served.

import type { InlineConfig } from "vite";

/** Vite's settings for the page; `silero` is the path of the Silero v5 file, port 0 any free one. */
export declare function demoSite(given: { readonly silero: string; readonly port: number }): InlineConfig;
