// Owns how the demo page is served: Vite's server over demo/, the bundled models and samples, and Silero from the store.
// Knows nothing of the page. Invariant: only files named here leave the machine's disk.

import { createReadStream, realpathSync, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const TYPES = {
  ".json": "application/json",
  ".onnx": "application/octet-stream",
  ".wav": "audio/wav",
  ".jpg": "image/jpeg",
};

/** Vite's settings for the page; `silero` is the path of the Silero v5 file. */
export function demoSite({ silero, port }) {
  return {
    root: join(ROOT, "demo"),
    configFile: false,
    cacheDir: join(ROOT, "build/demo-cache"),
    logLevel: "error",
    server: {
      port,
      host: "127.0.0.1",
      // A folder of node_modules may be a link.
      fs: { allow: [ROOT, realpathSync(join(ROOT, "node_modules/onnxruntime-web"))] },
    },
    // It finds its own WebAssembly by its own address: it must stay where it lies.
    optimizeDeps: { exclude: ["onnxruntime-web"], include: ["@bufbuild/protobuf/wire"] },
    build: { target: "es2022" },
    plugins: [{ name: "models", configureServer: (server) => void server.middlewares.use(models(silero)) }],
  };
}

/** Answers /models/... from the models folder, and Silero's file from where the store keeps it. */
function models(silero) {
  return ({ url = "/" }, response, next) => {
    const path = decodeURIComponent(url.split("?")[0]);
    const type = TYPES[extname(path)];
    if (!path.startsWith("/models/") || type === undefined || normalize(path) !== path) return next();
    const file = path === "/models/silero-vad/silero_vad_v5.onnx" ? silero : join(ROOT, path);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return next();
    response.writeHead(200, { "content-type": type });
    createReadStream(file).pipe(response);
  };
}
