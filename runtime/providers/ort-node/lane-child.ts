// Owns a lane process of the fallback: it answers its parent's requests, one after the other. Knows no graph.
// A process and not a worker thread: terminating a worker inside onnxruntime-node 1.30's run aborts the whole process.

import { OrtNodeGraphs } from "./ort-node-graphs.js";
import type { LaneRequest } from "./protocol.js";

const graphs = new OrtNodeGraphs();

// Requests are answered in order: onnxruntime-node runs on this thread anyway.
let turn: Promise<void> = Promise.resolve();
process.on("message", (request: LaneRequest) => {
  turn = turn.then(async () => {
    const reply = await graphs.answer(request);
    // A parent that ended during the request is nobody to answer; without this Node would print the broken pipe.
    process.send?.(reply, undefined, {}, (error) => {
      if (error) process.exit(0);
    });
  });
});
// The parent's end of the channel closes when the parent exits in any way; nothing is left to do then.
process.on("disconnect", () => process.exit(0));
