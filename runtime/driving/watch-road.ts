// Owns the driving pipeline: frames in, one event for each frame out. Knows no file format and no command line.
// Invariant: every frame taken from the source gives exactly one event, in the source's order.

import { type Clock, sleepUntil } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import type { Outcome, ReservedSlot, Session } from "../sessions/session.js";
import { type FrameSource, type ImageFrame, isFault } from "../sources/frame.js";
import { nextUnlessAborted } from "../sources/next-item.js";
import { DropRatio } from "./drop-ratio.js";
import { Preprocessor } from "./preprocess.js";
import { faultEvent, frameEvent, type RoadEvent } from "./road-event.js";
import { type ImageInput, roadModelOf } from "./road-model.js";
import { createFolders, type PictureFolders, writePictures } from "./road-picture.js";
import { type RoadView, SegmentReader, viewRoad } from "./segment.js";
import { type FrameVerdict, Supervisor } from "./supervisor.js";

/** What `watchRoad` works with. */
export interface WatchRoadOptions {
  /** A road segmenter; its manifest, if any, says which tensors are which. All its rungs must be road segmenters. */
  readonly session: Session;
  readonly source: FrameSource;
  readonly clock: Clock;
  /**
   * `offline`: every frame is run, as fast as the session settles them. `live`: a frame for which no slot is free is
   * `rejected`, as the next one is already on its way. A live session belongs to one source: jobs carry the numbers of its
   * frames. Default: `offline`.
   */
  readonly pace?: "offline" | "live";
  /** Folders for masks and overlays of frames that gave a result. */
  readonly pictures?: PictureFolders;
  /** Ends the run: frames in flight settle as `cancelled / signal`, nothing further is read. */
  readonly signal?: AbortSignal;
}

/** Offline frames in flight: one running and one prepared behind it; more would only age. */
const OFFLINE_JOBS = 2;
/** Results that wait for their reader; beyond it no further frame is taken. */
const WAITING_EVENTS_MAX = 64;
/** Pause before asking again for a slot that others than this pipeline hold, in microseconds. */
const SLOT_RETRY_US = 2000;

/**
 * Watches the road: supervises each frame, runs the session on it, and reads area, boundary and lanes from the outputs.
 *
 * A frame the supervisor refuses (late, out of order) is not run: its outcome is `dropped` and its flags say why. A frozen
 * or black frame is run, flagged, and its confidence is 0. An error that ends the source is thrown after the events of all
 * frames before it.
 *
 * @throws RedlineError `MODEL_UNSUITABLE`, `OUTPUT_WRITE_FAILED`, and the source's own errors.
 *
 * @example
 * for await (const event of watchRoad({ session, source, clock: runtime.clock })) {
 *   if (event.type === "frame") console.log(event.id, event.drivable?.areaRatio, event.flags);
 * }
 */
export async function* watchRoad(options: WatchRoadOptions): AsyncGenerator<RoadEvent> {
  await createFolders(options.pictures ?? {});
  yield* new RoadWatch(options).events();
}

/** How one variant of the session's model is fed and read. */
interface RoadFit {
  readonly image: ImageInput;
  readonly preprocessor: Preprocessor;
  readonly reader: SegmentReader;
}

class RoadWatch {
  readonly #options: WatchRoadOptions;
  /** By variant: the session's rungs may differ in the size of their input. */
  readonly #fits = new Map<string, RoadFit>();
  /** What is added to a frame's id, so that the session's numbers go on rising over one source after another. */
  readonly #firstFrame: number;
  readonly #supervisor: Supervisor;
  readonly #drops: DropRatio;
  readonly #stop = new AbortController();
  readonly #ready: RoadEvent[] = [];
  /** Settles when the event of the last frame taken is ready: the next one waits for it, which keeps the order. */
  #tail: Promise<void> = Promise.resolve();
  #jobs = 0;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeReader: () => void = () => {};
  #wakePump: () => void = () => {};

  constructor(options: WatchRoadOptions) {
    const { session } = options;
    this.#options = options;
    this.#firstFrame = session.newestFrame + 1;
    this.#fit();
    this.#supervisor = new Supervisor({ deadlineUs: session.contract.deadlineUs });
    this.#drops = new DropRatio({ periodUs: session.contract.periodUs });
  }

  async *events(): AsyncGenerator<RoadEvent> {
    const { signal } = this.#options;
    const stop = () => {
      this.#stop.abort();
      this.#wakePump();
    };
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    const pump = this.#pump();
    try {
      for (;;) {
        const event = this.#ready.shift();
        this.#wakePump();
        if (event !== undefined) yield event;
        else if (!this.#isOver) await this.#wake("reader");
        else break;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      signal?.removeEventListener("abort", stop);
      stop();
      await pump;
    }
  }

  /** Takes frames until the source ends, fails or the run is stopped; then waits for those in flight. */
  async #pump(): Promise<void> {
    const items = this.#options.source[Symbol.asyncIterator]();
    try {
      while (await this.#hasRoom()) {
        const next = await nextUnlessAborted(items, this.#stop.signal);
        if (next === undefined || next.done) break;
        const item = next.value;
        if (isFault(item)) this.#publish(Promise.resolve(faultEvent(item)));
        else await this.#take(item);
      }
    } catch (error) {
      this.#fail(error);
    }
    await this.#tail;
    // A source that fails while it is being closed has nothing left to say; one that is silent must not hold us.
    const closed = items.return?.().catch(() => undefined);
    if (!this.#stop.signal.aborted) await closed;
    this.#isOver = true;
    this.#wakeReader();
  }

  /** Waits until another frame may be taken; answers false when the run is stopped or has failed. */
  async #hasRoom(): Promise<boolean> {
    const isOffline = this.#options.pace !== "live";
    while (!this.#stop.signal.aborted && this.#failure === undefined) {
      const isFull = this.#ready.length >= WAITING_EVENTS_MAX || (isOffline && this.#jobs >= OFFLINE_JOBS);
      if (!isFull) return true;
      await this.#wake("pump");
    }
    return false;
  }

  async #take(frame: ImageFrame): Promise<void> {
    const verdict = this.#supervisor.check(frame, this.#options.clock.nowUs());
    if (verdict.use === "drop") {
      this.#publish(
        Promise.resolve(
          frameEvent(frame, {
            outcome: "dropped",
            rung: undefined,
            view: undefined,
            isAbstaining: false,
            flags: verdict.flags,
          }),
        ),
      );
      return;
    }
    const outcome = this.#run(frame, await this.#reserve());
    this.#jobs++;
    this.#publish(this.#finish(frame, verdict, outcome));
  }

  /** A free slot; offline waits for one, live answers null when there is none. */
  async #reserve(): Promise<ReservedSlot | null> {
    const { session, clock, pace } = this.#options;
    for (;;) {
      const slot = session.reserve();
      if (slot !== null || pace === "live" || this.#stop.signal.aborted) return slot;
      await sleepUntil(clock.nowUs() + SLOT_RETRY_US, { clock, signal: this.#stop.signal });
    }
  }

  /** The fit of the variant the session's new jobs run on. */
  #fit(): RoadFit {
    const { session } = this.#options;
    const { variant } = session.rung;
    let fit = this.#fits.get(variant);
    if (fit === undefined) {
      const road = roadModelOf(session, session.manifest ?? undefined);
      fit = {
        image: road.image,
        preprocessor: new Preprocessor(road.image),
        reader: new SegmentReader(road),
      };
      this.#fits.set(variant, fit);
    }
    return fit;
  }

  #run(frame: ImageFrame, slot: ReservedSlot | null): Promise<Outcome> {
    const { image, preprocessor } = this.#fit();
    const { name, width, height } = image;
    const numbered = this.#options.pace === "live" ? { frame: this.#firstFrame + frame.id } : {};
    const job = { capturedUs: frame.capturedUs, signal: this.#stop.signal, ...numbered };
    if (slot === null) {
      // Asked all the same, so that the session settles and counts the frame as `rejected / no-slot` itself.
      const pixels = new Float32Array(3 * width * height);
      preprocessor.write(frame, pixels);
      return this.#options.session.run({ [name]: pixels }, job);
    }
    const view = slot.inputs[name];
    if (!(view instanceof Float32Array)) {
      slot.release();
      throw new RedlineError("INTERNAL", { what: `the slot has no float32 view of ${name}` });
    }
    preprocessor.write(frame, view);
    return slot.run(job);
  }

  async #finish(frame: ImageFrame, verdict: FrameVerdict, running: Promise<Outcome>): Promise<RoadEvent> {
    try {
      const outcome = await running;
      const flags: string[] = [...verdict.flags];
      if (outcome.status !== "done") flags.push(outcome.reason);
      const view = await this.#read(frame, outcome);
      if (view !== undefined) this.#drops.ran(frame.id);
      if (this.#drops.isLagging) flags.push("lagging");
      const isAbstaining = verdict.use === "abstain" && view !== undefined;
      const { status, rung } = outcome;
      return frameEvent(frame, { outcome: status, rung, view, isAbstaining, flags });
    } finally {
      this.#jobs--;
      this.#wakePump();
    }
  }

  /** What the frame shows, if its job gave outputs; its pictures are written. Gives the slot back before anything waits. */
  async #read(frame: ImageFrame, outcome: Outcome): Promise<RoadView | undefined> {
    const hasOutputs = outcome.status === "done" || outcome.status === "late";
    let margins: ReturnType<SegmentReader["read"]> | undefined;
    try {
      const { reader } = this.#fits.get(outcome.rung.variant)!;
      margins = hasOutputs ? reader.read(outcome.outputs) : undefined;
    } finally {
      outcome.release();
    }
    if (margins === undefined) return undefined;
    const view = viewRoad(margins, frame);
    await writePictures(this.#options.pictures ?? {}, { frame, margins, view });
    return view;
  }

  /** Hands an event to the reader once it is ready and all before it have been handed over. */
  #publish(event: Promise<RoadEvent>): void {
    const before = this.#tail;
    this.#tail = (async () => {
      try {
        const [ready] = await Promise.all([event, before]);
        this.#ready.push(ready);
      } catch (error) {
        await before;
        this.#fail(error);
      }
      this.#wakeReader();
    })();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakePump();
  }

  #wake(who: "reader" | "pump"): Promise<void> {
    return new Promise((resolve) => {
      if (who === "reader") this.#wakeReader = resolve;
      else this.#wakePump = resolve;
    });
  }
}
