// The public door: what `import ... from "redline-rt"` offers. Knows no more than names.
// Invariant: test/architecture/public-names.txt lists every name exported here.

export type { NullOptions, OrtOptions } from "./bindings/addon.js";
export type { ContractRecord } from "./contract-record.js";
export {
  type BudgetSource,
  type FigureSource,
  POWER_BANDS,
  type PowerAsk,
  type PowerBand,
  type PowerPressure,
} from "./core/budget.js";
export type { Alarm, Clock } from "./core/clock.js";
export {
  type Contract,
  CRITICALITIES,
  type Criticality,
  DEFAULT_CONTRACT,
  type LatePolicy,
} from "./core/contract.js";
export { ERROR_TABLE, type ErrorCode, RedlineError } from "./core/errors.js";
export { EVENT_KINDS, type EventKind, type RedlineEvent } from "./core/events.js";
export { LIMITS } from "./core/limits.js";
export { OUTCOME_REASONS, type OutcomeReason, type OutcomeStatus } from "./core/outcome.js";
export type { LadderStep, Rung, RungKind } from "./core/rung.js";
export type { Dtype, Tensor, TensorData, TensorSpec } from "./core/tensor.js";
export { type DoctorOptions, type DoctorReport, examine, type Finding, type FindingState } from "./doctor.js";
export type { FrameErrorEvent, FrameEvent, RoadEvent } from "./driving/road-event.js";
export type { PictureFolders } from "./driving/road-picture.js";
export { type WatchRoadOptions, watchRoad } from "./driving/watch-road.js";
export { type CreateOptions, createRuntime } from "./hosting/create-runtime.js";
export { HostedRuntime, type HostOptions } from "./hosting/hosted-runtime.js";
export { startLiveRun } from "./hosting/start-live-run.js";
export type { HostedWork, HostedWorkOptions, WorkUnderWay } from "./hosting/work.js";
export type { MoveRecord, PowerGoal, PowerRecord } from "./live-power.js";
export type {
  LiveEvent,
  LiveRun,
  LiveRunOptions,
  LiveRunReport,
  MachineRecord,
  PromiseRecord,
} from "./live-run.js";
export { openPromiseFirst, type PromiseFirst } from "./open-promise-first.js";
export type { OpenOptions } from "./open-request.js";
export type { PlanRow } from "./plans/choose-plan.js";
export type { OpenedPlan, Promising } from "./plans/open-plan.js";
export type { PassedRecord } from "./plans/profile-store.js";
export type { SupplyReading } from "./power/battery.js";
export type { EnergyFigure, EnergyStats, SessionEnergy } from "./power/energy-accountant.js";
export type { MeterScope, PowerFigure } from "./power/meter.js";
export type { PackageReading } from "./power/package-meter.js";
export { POWER_PRESETS, type PowerOptions, type PowerPreset } from "./power/power-policy.js";
export type { MeterState, PowerSurvey } from "./power/power-survey.js";
export type { PowerStats } from "./power/power-watch.js";
export type { CoolingDevice, ThermalZone } from "./power/thermal.js";
export type { ThermalLimits } from "./power/thermal-band.js";
export { type ExaminePowerOptions, examinePower } from "./power-check.js";
export {
  type PlanOptions,
  type PlanReport,
  type ProfileOptions,
  type ProfileRow,
  planModel,
  profileModel,
} from "./profiling.js";
export type { ProgramOp } from "./programs/describe.js";
export type { Runtime, RuntimeOptions } from "./runtime.js";
export type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionStats,
} from "./sessions/session.js";
export type { AudioChunk, AudioSource } from "./sources/audio.js";
export {
  AUDIO_ENCODINGS,
  type AudioEncoding,
  type AudioInputOptions,
  openAudio,
} from "./sources/audio-input.js";
export { paceAudio, repeatAudio } from "./sources/audio-pace.js";
export type { FrameFault, FrameItem, FrameSource, ImageFrame } from "./sources/frame.js";
export { type FrameInputOptions, openFrames } from "./sources/frame-input.js";
export { type PacedOptions, type PacedSource, paced } from "./sources/paced.js";
export type { PcmLayout } from "./sources/pcm.js";
export { readWav, type WavOptions } from "./sources/wav.js";
export type { Collected, CollectedFile, CollectOptions } from "./store/collect.js";
export type { Exported } from "./store/export-writer.js";
export type { Imported, ImportedModel } from "./store/importer.js";
export type { PullProgress } from "./store/install.js";
export type { LicenceNotice } from "./store/licence.js";
export {
  type CatalogueEntry,
  openStore,
  type PullOptions,
  type ResolvedModel,
  type RolledBack,
  type Store,
  type StoreOptions,
  type VariantState,
  type VerifyOptions,
} from "./store/store.js";
export { describeModel, type ModelDescription } from "./vetting/describe-model.js";
export { type FileVetting, type VettedModel, vettedModels, vettingOf } from "./vetting/vetted-models.js";
export type { GateRules } from "./voice/energy-gate.js";
export {
  type FrameReading,
  type ListenOptions,
  listen,
  type VoiceEvent,
  type VoiceReport,
} from "./voice/listen.js";
export type { SegmentEvent, SegmentRules } from "./voice/segmenter.js";
