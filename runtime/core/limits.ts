// Owns every bound of the runtime in one place: queues, sizes, counts. A limit without a reason does not belong here.

/** Every bound, each with its reason. */
export const LIMITS = {
  /** Jobs waiting in one lane. Every session has at most `slotsPerSession` jobs in flight, so this is never the tighter bound in practice. */
  jobsPerLane: 1024,
  /** Slots of one session: enough for a deep pipeline, few enough that memory stays foreseeable. */
  slotsPerSession: 64,
  /** Default slots: one running, one queued, one being read by the caller. */
  defaultSlots: 3,
  /** Closed sessions whose statistics are kept, oldest out first: more than a report shows, about half a kilobyte each. */
  closedSessions: 256,
  /** Events kept for readers that poll: half a minute of a camera and a microphone, some 300 kB. */
  eventRing: 2048,
  /** Largest side of an image in pixels: beyond it a decode is a denial of service, not a camera. */
  imageSide: 16_384,
  /** Largest image in pixels: 64 megapixels, as 192 MB of RGB. */
  imagePixels: 67_108_864,
  /** Largest manifest in bytes. */
  manifestBytes: 1_048_576,
  /** Largest model file in bytes (ONNX protobuf's own limit). */
  modelBytes: 2_147_483_647,
  /** Channels of an audio source. */
  audioChannels: 32,
  /** Highest sample rate of an audio source. */
  audioRateHz: 768_000,
} as const;
