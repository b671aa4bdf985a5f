// Owns every bound of the runtime in one place: queues, sizes, counts. A limit without a reason does not belong here.

/** Every bound, each with its reason. */
export const LIMITS = {
  /** Jobs waiting in one lane. Every session has at most `slotsPerSession` jobs in flight, so this is never the tighter bound in practice. */
  jobsPerLane: 1024,
  /** Sessions of one runtime, those being opened included: more models than a machine holds, few enough to look at ten times a second. */
  sessionsPerRuntime: 256,
  /** Slots of one session: enough for a deep pipeline, few enough that memory stays foreseeable. */
  slotsPerSession: 64,
  /** Largest memory of one slot: a model that declares more asks for a machine's memory, not for a buffer. */
  slotBytes: 1_073_741_824,
  /** Default slots: one running, one queued, one being read by the caller. */
  defaultSlots: 3,
  /** Rungs of one session's ladder, the plan included: more fallbacks than a person can tell apart. */
  rungsPerSession: 8,
  /** Jobs over which a (m,k) tolerance is watched; a larger k is counted, and never skipped by. */
  toleranceWindow: 4096,
  /** Closed sessions whose statistics are kept, oldest out first: more than a report shows, about half a kilobyte each. */
  closedSessions: 256,
  /** Events kept for readers that poll: half a minute of a camera and a microphone, some 300 kB. */
  eventRing: 2048,
  /** Largest side of an image in pixels: beyond it a decode is a denial of service, not a camera. */
  imageSide: 16_384,
  /** Largest image in pixels: 64 megapixels, as 192 MB of RGB. */
  imagePixels: 67_108_864,
  /** Passes over a progressive JPEG: encoders make about ten, and each costs as much time as the whole picture. */
  imageScans: 64,
  /** Forms of ops whose fastest implementation is remembered, oldest out first: more than any program's cameras and models. */
  opPicks: 256,
  /** Memory the WASM kernels may grow to: four frames of 8K video as RGB and what is made of them. A larger form runs in TypeScript. */
  kernelBytes: 536_870_912,
  /** Steps of a program, and the floats of its arena (64 MB): programs are for models that are always on, not for large ones. */
  programSteps: 4096,
  programArenaFloats: 16_777_216,
  /** Largest model file that is tried as a program: always-on models are a few megabytes, and lowering reads every weight. */
  programModelBytes: 16_777_216,
  /** Largest manifest in bytes. */
  manifestBytes: 1_048_576,
  /** Largest model file in bytes (ONNX protobuf's own limit). */
  modelBytes: 2_147_483_647,
  /** Nodes of a graph, those of its subgraphs and functions included: some 20 times the largest language models in use. */
  graphNodes: 262_144,
  /** Tensors a model holds or declares: initializers, inputs, outputs and described values. */
  graphTensors: 524_288,
  /** Fields of a model's protobuf: bounds the time it takes to read a hostile file to under a second. */
  graphFields: 8_388_608,
  /** Graphs within graphs. Silero has four; ONNX Runtime recurses once per level. */
  graphDepth: 16,
  /** Types within types, as in a sequence of maps. */
  typeDepth: 8,
  /** Functions that call functions: exporters nest one per module of the network. */
  functionDepth: 64,
  /** Dimensions of one tensor: ONNX Runtime's own operators stop well below. */
  tensorRank: 32,
  /** Largest single dimension: what a 32-bit index reaches. */
  tensorDimension: 2_147_483_647,
  /** Largest package a model file is taken out of: two of the largest files. */
  archiveBytes: 4_294_967_296,
  /** Files an archive may list: more is an archive made to be slow, not a package. */
  archiveEntries: 65_536,
  /** Bytes a package may unpack to for each of its own: code stays below 20, weights below 2, and deflate ends at 1032. */
  archiveRatio: 200,
  /** Answers of a hub about a model, in bytes: the largest repositories list their files in a few of these. */
  hubAnswerBytes: 16_777_216,
  /** Pieces before the samples of a WAV file, and their bytes: a cover picture and a studio's notes fit many times. */
  wavChunks: 1024,
  wavHeaderBytes: 67_108_864,
  /** Model versions an export may hold. */
  exportModels: 1024,
  /** Largest golden file, model card or licence text that is kept with a version. */
  companionBytes: 16_777_216,
  /** Largest file of golden vectors in bytes. */
  goldenBytes: 16_777_216,
  /** Inputs and outputs of one run of a trial: a picture of `imagePixels` as four bytes of one channel. */
  trialTensorBytes: 268_435_456,
  /** Verdicts remembered by the store, each with its optimised graph: more than any machine's models and options. */
  vettedModels: 256,
  /** Items of one data set that is evaluated: what is kept of each is small, and a million are a day of pictures at 12 a second. */
  evalItems: 1_048_576,
  /** Channels of an audio source. */
  audioChannels: 32,
  /** Highest sample rate of an audio source. */
  audioRateHz: 768_000,
  /** What is read of a file of /sys or /proc, in bytes: the kernel gives out one page at a time. */
  sysFileBytes: 4096,
  /** Names of one folder of /sys that are looked at: twice the threads of the largest server. */
  sysEntries: 4096,
  /** Power meters of one machine: a server of two packages has 10 zones, a board 20 rails, a rack node 16 cards. */
  powerMeters: 256,
  /** Spoken turns whose energy is kept, oldest out first. */
  energyTurns: 64,
} as const;
