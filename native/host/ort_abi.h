// Owns what the host knows of ONNX Runtime's C interface: the slots of its function table and the numbers it passes.
// The table is append-only, so a slot once right stays right; test/native checks each number against the slot list.
// Invariant: a slot's `Call` has exactly the parameters of the C function at that position.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redline::ort {

struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct RunOptions;
struct IoBinding;
struct Value;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorInfo;
struct CustomThread;

#if defined(_WIN32)
using PathChar = wchar_t;
#else
using PathChar = char;
#endif

/// The library's one exported symbol answers this.
struct ApiBase {
  const void* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};

// Numbers the interface passes as C enumerations.
enum ErrorCode : int { kNoSuchFile = 3, kModelLoadCancelled = 12 };
enum LogLevel : int { kLogFatal = 4 };
enum ExecutionMode : int { kSequential = 0 };
enum AllocatorType : int { kDeviceAllocator = 0 };
enum MemoryType : int { kDefaultMemory = 0 };
enum OnnxType : int { kTensorType = 1 };
enum Optimization : int { kOptimizeNone = 0, kOptimizeBasic = 1, kOptimizeExtended = 2, kOptimizeAll = 99 };
enum ElementType : int {
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
};

using ThreadWork = void(void* parameter);
using CreateThread = const CustomThread*(void* options, ThreadWork* work, void* parameter);
using JoinThread = void(const CustomThread* thread);

// clang-format off
struct CreateStatus { static constexpr std::size_t kSlot = 0; using Call = Status*(int code, const char* message); };
struct GetErrorCode { static constexpr std::size_t kSlot = 1; using Call = int(const Status*); };
struct GetErrorMessage { static constexpr std::size_t kSlot = 2; using Call = const char*(const Status*); };
struct CreateEnv { static constexpr std::size_t kSlot = 3; using Call = Status*(int log_level, const char* log_id, Env**); };
struct CreateSession { static constexpr std::size_t kSlot = 7; using Call = Status*(const Env*, const PathChar* path, const SessionOptions*, Session**); };
struct CreateSessionFromArray { static constexpr std::size_t kSlot = 8; using Call = Status*(const Env*, const void* bytes, std::size_t length, const SessionOptions*, Session**); };
struct CreateSessionOptions { static constexpr std::size_t kSlot = 10; using Call = Status*(SessionOptions**); };
struct SetOptimizedModelFilePath { static constexpr std::size_t kSlot = 11; using Call = Status*(SessionOptions*, const PathChar*); };
struct SetSessionExecutionMode { static constexpr std::size_t kSlot = 13; using Call = Status*(SessionOptions*, int mode); };
struct EnableProfiling { static constexpr std::size_t kSlot = 14; using Call = Status*(SessionOptions*, const PathChar* prefix); };
struct EnableMemPattern { static constexpr std::size_t kSlot = 16; using Call = Status*(SessionOptions*); };
struct DisableMemPattern { static constexpr std::size_t kSlot = 17; using Call = Status*(SessionOptions*); };
struct EnableCpuMemArena { static constexpr std::size_t kSlot = 18; using Call = Status*(SessionOptions*); };
struct DisableCpuMemArena { static constexpr std::size_t kSlot = 19; using Call = Status*(SessionOptions*); };
struct SetSessionLogSeverityLevel { static constexpr std::size_t kSlot = 22; using Call = Status*(SessionOptions*, int level); };
struct SetSessionGraphOptimizationLevel { static constexpr std::size_t kSlot = 23; using Call = Status*(SessionOptions*, int level); };
struct SetIntraOpNumThreads { static constexpr std::size_t kSlot = 24; using Call = Status*(SessionOptions*, int threads); };
struct SetInterOpNumThreads { static constexpr std::size_t kSlot = 25; using Call = Status*(SessionOptions*, int threads); };
struct SessionGetInputCount { static constexpr std::size_t kSlot = 30; using Call = Status*(const Session*, std::size_t*); };
struct SessionGetOutputCount { static constexpr std::size_t kSlot = 31; using Call = Status*(const Session*, std::size_t*); };
struct SessionGetInputTypeInfo { static constexpr std::size_t kSlot = 33; using Call = Status*(const Session*, std::size_t index, TypeInfo**); };
struct SessionGetOutputTypeInfo { static constexpr std::size_t kSlot = 34; using Call = Status*(const Session*, std::size_t index, TypeInfo**); };
struct SessionGetInputName { static constexpr std::size_t kSlot = 36; using Call = Status*(const Session*, std::size_t index, Allocator*, char**); };
struct SessionGetOutputName { static constexpr std::size_t kSlot = 37; using Call = Status*(const Session*, std::size_t index, Allocator*, char**); };
struct CreateRunOptions { static constexpr std::size_t kSlot = 39; using Call = Status*(RunOptions**); };
struct RunOptionsSetRunLogSeverityLevel { static constexpr std::size_t kSlot = 41; using Call = Status*(RunOptions*, int level); };
struct RunOptionsSetTerminate { static constexpr std::size_t kSlot = 46; using Call = Status*(RunOptions*); };
struct RunOptionsUnsetTerminate { static constexpr std::size_t kSlot = 47; using Call = Status*(RunOptions*); };
struct CreateTensorAsOrtValue { static constexpr std::size_t kSlot = 48; using Call = Status*(Allocator*, const std::int64_t* shape, std::size_t rank, int element_type, Value**); };
struct CreateTensorWithDataAsOrtValue { static constexpr std::size_t kSlot = 49; using Call = Status*(const MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* shape, std::size_t rank, int element_type, Value**); };
struct GetTensorMutableData { static constexpr std::size_t kSlot = 51; using Call = Status*(Value*, void**); };
struct FillStringTensor { static constexpr std::size_t kSlot = 52; using Call = Status*(Value*, const char* const* strings, std::size_t count); };
struct GetStringTensorDataLength { static constexpr std::size_t kSlot = 53; using Call = Status*(const Value*, std::size_t*); };
struct GetStringTensorContent { static constexpr std::size_t kSlot = 54; using Call = Status*(const Value*, void* bytes, std::size_t length, std::size_t* offsets, std::size_t count); };
struct CastTypeInfoToTensorInfo { static constexpr std::size_t kSlot = 55; using Call = Status*(const TypeInfo*, const TensorInfo**); };
struct GetOnnxTypeFromTypeInfo { static constexpr std::size_t kSlot = 56; using Call = Status*(const TypeInfo*, int*); };
struct GetTensorElementType { static constexpr std::size_t kSlot = 60; using Call = Status*(const TensorInfo*, int*); };
struct GetDimensionsCount { static constexpr std::size_t kSlot = 61; using Call = Status*(const TensorInfo*, std::size_t*); };
struct GetDimensions { static constexpr std::size_t kSlot = 62; using Call = Status*(const TensorInfo*, std::int64_t*, std::size_t rank); };
struct GetSymbolicDimensions { static constexpr std::size_t kSlot = 63; using Call = Status*(const TensorInfo*, const char**, std::size_t rank); };
struct GetTensorTypeAndShape { static constexpr std::size_t kSlot = 65; using Call = Status*(const Value*, TensorInfo**); };
struct CreateCpuMemoryInfo { static constexpr std::size_t kSlot = 69; using Call = Status*(int allocator_type, int memory_type, MemoryInfo**); };
struct AllocatorFree { static constexpr std::size_t kSlot = 76; using Call = Status*(Allocator*, void*); };
struct GetAllocatorWithDefaultOptions { static constexpr std::size_t kSlot = 78; using Call = Status*(Allocator**); };
struct ReleaseStatus { static constexpr std::size_t kSlot = 93; using Call = void(Status*); };
struct ReleaseMemoryInfo { static constexpr std::size_t kSlot = 94; using Call = void(MemoryInfo*); };
struct ReleaseSession { static constexpr std::size_t kSlot = 95; using Call = void(Session*); };
struct ReleaseValue { static constexpr std::size_t kSlot = 96; using Call = void(Value*); };
struct ReleaseRunOptions { static constexpr std::size_t kSlot = 97; using Call = void(RunOptions*); };
struct ReleaseTypeInfo { static constexpr std::size_t kSlot = 98; using Call = void(TypeInfo*); };
struct ReleaseTensorTypeAndShapeInfo { static constexpr std::size_t kSlot = 99; using Call = void(TensorInfo*); };
struct ReleaseSessionOptions { static constexpr std::size_t kSlot = 100; using Call = void(SessionOptions*); };
struct SessionEndProfiling { static constexpr std::size_t kSlot = 110; using Call = Status*(Session*, Allocator*, char** path); };
struct AddFreeDimensionOverrideByName { static constexpr std::size_t kSlot = 124; using Call = Status*(SessionOptions*, const char* name, std::int64_t size); };
struct GetAvailableProviders { static constexpr std::size_t kSlot = 125; using Call = Status*(char*** names, int* count); };
struct ReleaseAvailableProviders { static constexpr std::size_t kSlot = 126; using Call = Status*(char** names, int count); };
struct AddSessionConfigEntry { static constexpr std::size_t kSlot = 130; using Call = Status*(SessionOptions*, const char* key, const char* value); };
struct RunWithBinding { static constexpr std::size_t kSlot = 133; using Call = Status*(Session*, const RunOptions*, const IoBinding*); };
struct CreateIoBinding { static constexpr std::size_t kSlot = 134; using Call = Status*(Session*, IoBinding**); };
struct ReleaseIoBinding { static constexpr std::size_t kSlot = 135; using Call = void(IoBinding*); };
struct BindInput { static constexpr std::size_t kSlot = 136; using Call = Status*(IoBinding*, const char* name, const Value*); };
struct BindOutput { static constexpr std::size_t kSlot = 137; using Call = Status*(IoBinding*, const char* name, const Value*); };
struct BindOutputToDevice { static constexpr std::size_t kSlot = 138; using Call = Status*(IoBinding*, const char* name, const MemoryInfo*); };
struct GetBoundOutputValues { static constexpr std::size_t kSlot = 140; using Call = Status*(const IoBinding*, Allocator*, Value*** values, std::size_t* count); };
struct SessionOptionsSetCustomCreateThreadFn { static constexpr std::size_t kSlot = 196; using Call = Status*(SessionOptions*, CreateThread*); };
struct SessionOptionsSetCustomThreadCreationOptions { static constexpr std::size_t kSlot = 197; using Call = Status*(SessionOptions*, void*); };
struct SessionOptionsSetCustomJoinThreadFn { static constexpr std::size_t kSlot = 198; using Call = Status*(SessionOptions*, JoinThread*); };
struct SessionOptionsSetLoadCancellationFlag { static constexpr std::size_t kSlot = 293; using Call = Status*(SessionOptions*, bool is_cancelled); };
// clang-format on

}  // namespace redline::ort
