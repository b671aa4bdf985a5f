// Owns the opening of a model and the runs of its slots.

#include "host/ort_graph.h"

#include <cstring>
#include <filesystem>
#include <utility>

#include "host/failure.h"
#include "host/finite.h"
#include "host/ort_tensor.h"

namespace redline {

void OpenCancellation::cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_cancelled_ = true;
  OrtError ignored;
  if (options_ != nullptr) {
    OrtLibrary::get().call<ort::SessionOptionsSetLoadCancellationFlag>(&ignored, options_, true);
  }
}

bool OpenCancellation::is_cancelled() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_cancelled_;
}

std::unique_ptr<char[]> OpenCancellation::copy(const void* bytes, std::size_t length) {
  std::unique_ptr<char[]> own(new char[length]);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_cancelled_) throw Failure("MODEL_LOAD_FAILED", "the load was cancelled");
  std::memcpy(own.get(), bytes, length);
  return own;
}

/// Session options that a cancellation can reach while a load is under way.
class CancellableOptions {
 public:
  CancellableOptions(OrtSessionOptionsHandle options, OpenCancellation* cancellation)
      : options_(std::move(options)), cancellation_(cancellation) {
    const std::lock_guard<std::mutex> lock(cancellation_->mutex_);
    if (cancellation_->is_cancelled_) throw Failure("MODEL_LOAD_FAILED", "the load was cancelled");
    cancellation_->options_ = options_.get();
  }
  ~CancellableOptions() {
    const std::lock_guard<std::mutex> lock(cancellation_->mutex_);
    cancellation_->options_ = nullptr;
  }
  CancellableOptions(const CancellableOptions&) = delete;
  CancellableOptions& operator=(const CancellableOptions&) = delete;
  ort::SessionOptions* get() const noexcept { return options_.get(); }

 private:
  const OrtSessionOptionsHandle options_;
  OpenCancellation* const cancellation_;
};

namespace {

constexpr const char* kLoad = "MODEL_LOAD_FAILED";
constexpr const char* kRun = "PROVIDER_FAILED";

struct OrtSlot {
  OrtIoBindingHandle binding;
  OrtRunOptionsHandle run_options;
  std::vector<OrtValueHandle> inputs;
  std::vector<OrtValueHandle> lent_outputs;
  std::vector<Binding> outputs;
  bool is_allocating = false;
};

class OrtGraph : public Graph {
 public:
  OrtGraph(OrtSessionHandle session, bool is_profiled, std::size_t slots)
      : ort_(OrtLibrary::get()), session_(std::move(session)), is_profiled_(is_profiled), slots_(slots) {
    read_specs();
    for (OrtSlot& slot : slots_) {
      ort::RunOptions* run_options = nullptr;
      ort_.require<ort::CreateRunOptions>(kLoad, &run_options);
      slot.run_options.reset(run_options);
      // A stopped run is no fault; its status says all there is to say.
      ort_.require<ort::RunOptionsSetRunLogSeverityLevel>(kLoad, run_options, int{ort::kLogFatal});
    }
  }

  ~OrtGraph() override {
    slots_.clear();
    if (!is_profiled_) return;
    char* path = nullptr;
    OrtError ignored;
    if (ort_.call<ort::SessionEndProfiling>(&ignored, session_.get(), ort_.allocator(), &path)) {
      ort_.call<ort::AllocatorFree>(&ignored, ort_.allocator(), static_cast<void*>(path));
    }
  }

  const std::vector<TensorSpec>& inputs() const noexcept override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const noexcept override { return outputs_; }

  void bind(std::size_t index, std::vector<Binding> inputs, std::vector<Binding> outputs) override {
    OrtSlot fresh;
    ort::IoBinding* binding = nullptr;
    ort_.require<ort::CreateIoBinding>(kRun, session_.get(), &binding);
    fresh.binding.reset(binding);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      fresh.inputs.push_back(make_value(inputs[i]));
      ort_.require<ort::BindInput>(kRun, binding, inputs_[i].name.c_str(), as_const(fresh.inputs.back()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const char* name = outputs_[i].name.c_str();
      fresh.lent_outputs.push_back(outputs[i].is_lent ? make_value(outputs[i]) : nullptr);
      if (outputs[i].is_lent) {
        ort_.require<ort::BindOutput>(kRun, binding, name, as_const(fresh.lent_outputs.back()));
      } else {
        ort_.require<ort::BindOutputToDevice>(kRun, binding, name, ort_.cpu_memory());
        fresh.is_allocating = true;
      }
    }
    fresh.outputs = std::move(outputs);
    fresh.run_options = std::move(slots_[index].run_options);
    slots_[index] = std::move(fresh);
  }

  void unbind(std::size_t index) noexcept override {
    OrtSlot& slot = slots_[index];
    slot.binding.reset();
    slot.inputs.clear();
    slot.lent_outputs.clear();
    slot.outputs.clear();
  }

  bool run(std::size_t index, std::string* message) noexcept override {
    OrtSlot& slot = slots_[index];
    if (slot.binding == nullptr) {
      *message = "the slot has no memory bound";
      return false;
    }
    OrtError error;
    const ort::RunOptions* run_options = slot.run_options.get();
    const ort::IoBinding* binding = slot.binding.get();
    const bool is_done = (!slot.is_allocating || forget_outputs(&slot, &error)) &&
                         ort_.call<ort::RunWithBinding>(&error, session_.get(), run_options, binding);
    if (!is_done) *message = std::move(error.message);
    return is_done;
  }

  void request_stop(std::size_t index) noexcept override {
    OrtError ignored;
    ort_.call<ort::RunOptionsSetTerminate>(&ignored, slots_[index].run_options.get());
  }

  void clear_stop(std::size_t index) noexcept override {
    OrtError ignored;
    ort_.call<ort::RunOptionsUnsetTerminate>(&ignored, slots_[index].run_options.get());
  }

  bool has_non_finite_output(std::size_t index) const noexcept override {
    try {
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        if (is_non_finite(index, i)) return true;
      }
      return false;
    } catch (const Failure&) {
      // An output that cannot be read cannot be vouched for.
      return true;
    }
  }

  OutputCopy copy_output(std::size_t index, std::size_t output) const override {
    const OrtSlot& slot = slots_[index];
    if (slot.binding == nullptr) throw Failure("INPUT_SLOT", "the slot has no memory bound");
    if (slot.outputs[output].is_lent) return copy_value(slot.lent_outputs[output].get());
    OutputCopy copy;
    with_allocated(slot, output, [&copy](ort::Value* value) { copy = copy_value(value); });
    return copy;
  }

 private:
  static const ort::Value* as_const(const OrtValueHandle& value) noexcept { return value.get(); }

  void read_specs() {
    std::size_t count = 0;
    const ort::Session* session = session_.get();
    ort_.require<ort::SessionGetInputCount>(kLoad, session, &count);
    for (std::size_t i = 0; i < count; ++i) {
      inputs_.push_back(read_spec<ort::SessionGetInputName, ort::SessionGetInputTypeInfo>(i));
    }
    ort_.require<ort::SessionGetOutputCount>(kLoad, session, &count);
    for (std::size_t i = 0; i < count; ++i) {
      outputs_.push_back(read_spec<ort::SessionGetOutputName, ort::SessionGetOutputTypeInfo>(i));
    }
  }

  template <typename NameSlot, typename TypeSlot>
  TensorSpec read_spec(std::size_t index) {
    const ort::Session* session = session_.get();
    char* name = nullptr;
    ort_.require<NameSlot>(kLoad, session, index, ort_.allocator(), &name);
    const std::string owned = name;
    ort_.require<ort::AllocatorFree>(kLoad, ort_.allocator(), static_cast<void*>(name));
    ort::TypeInfo* type = nullptr;
    ort_.require<TypeSlot>(kLoad, session, index, &type);
    const OrtTypeInfoHandle handle(type);
    return describe_tensor(owned, type);
  }

  /// The library would reuse the last run's allocation and refuse another shape, so it is told to allocate anew.
  bool forget_outputs(OrtSlot* slot, OrtError* error) noexcept {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (slot->outputs[i].is_lent) continue;
      const char* name = outputs_[i].name.c_str();
      if (!ort_.call<ort::BindOutputToDevice>(error, slot->binding.get(), name, ort_.cpu_memory())) return false;
    }
    return true;
  }

  template <typename Use>
  void with_allocated(const OrtSlot& slot, std::size_t output, const Use& use) const {
    ort::Value** raw = nullptr;
    std::size_t count = 0;
    const ort::IoBinding* binding = slot.binding.get();
    ort_.require<ort::GetBoundOutputValues>(kRun, binding, ort_.allocator(), &raw, &count);
    std::vector<OrtValueHandle> values(raw, raw + count);
    if (raw != nullptr) {
      ort_.require<ort::AllocatorFree>(kRun, ort_.allocator(), static_cast<void*>(raw));
    }
    if (output >= count) throw Failure("INPUT_SLOT", "the slot has not run yet");
    use(values[output].get());
  }

  bool is_non_finite(std::size_t index, std::size_t output) const {
    const OrtSlot& slot = slots_[index];
    const Dtype dtype = outputs_[output].dtype;
    if (dtype != Dtype::float32 && dtype != Dtype::float16) return false;
    bool found = false;
    const auto scan = [dtype, &found](const void* data, std::size_t count) {
      found = dtype == Dtype::float32 ? has_non_finite_f32(data, count) : has_non_finite_f16(data, count);
    };
    if (slot.outputs[output].is_lent) {
      scan(slot.outputs[output].data, slot.outputs[output].bytes / dtype_bytes(dtype));
      return found;
    }
    with_allocated(slot, output, [&](ort::Value* value) {
      Dtype actual{};
      std::vector<std::int64_t> shape;
      read_shape(value, &actual, &shape);
      void* data = nullptr;
      ort_.require<ort::GetTensorMutableData>(kRun, value, &data);
      scan(data, element_count(shape));
    });
    return found;
  }

  const OrtLibrary& ort_;
  const OrtSessionHandle session_;
  const bool is_profiled_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  std::vector<OrtSlot> slots_;
};

void require_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(std::filesystem::u8path(path), error);
  if (!std::filesystem::exists(status)) throw Failure("MODEL_FILE_MISSING", path + " does not exist");
  if (std::filesystem::is_directory(status)) throw Failure("MODEL_FILE_MISSING", path + " is a folder, not a file");
}

}  // namespace

std::unique_ptr<Graph> open_ort_graph(const OrtSource& source, const OrtOptions& options, Criticality criticality,
                                      std::size_t slots, OpenCancellation* cancellation) {
  const OrtLibrary& ort = OrtLibrary::get();
  if (!source.path.empty()) require_file(source.path);
  const bool is_copied = source.path.empty() && !source.is_lasting;
  const std::unique_ptr<char[]> copied = is_copied ? cancellation->copy(source.bytes, source.length) : nullptr;
  const CancellableOptions handle(make_session_options(options, criticality), cancellation);
  const ort::SessionOptions* session_options = handle.get();
  ort::Session* session = nullptr;
  if (source.path.empty()) {
    const void* bytes = is_copied ? copied.get() : source.bytes;
    ort.require<ort::CreateSessionFromArray>(kLoad, ort.env(), bytes, source.length, session_options, &session);
  } else {
    ort.require<ort::CreateSession>(kLoad, ort.env(), ort_path(source.path).c_str(), session_options, &session);
  }
  return std::make_unique<OrtGraph>(OrtSessionHandle(session), !options.profile_prefix.empty(), slots);
}

}  // namespace redline
