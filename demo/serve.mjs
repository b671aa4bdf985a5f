// Owns `npm run demo`: fetches Silero like a user does, serves the page, says where. Knows nothing of the page.

import { createServer } from "vite";
import { openStore } from "../dist/runtime/store/store.js";
import { demoSite } from "./site.mjs";

const store = openStore();
const { path } = await store.resolve("silero-vad");
await store.close();
const server = await createServer(demoSite({ silero: path, port: Number(process.argv[2] ?? 5173) }));
await server.listen();
console.log(`the demo is at ${server.resolvedUrls.local[0]}; Ctrl-C ends it`);
