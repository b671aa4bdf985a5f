// Owns one ONNX Runtime session and its slots' bindings.
// Knows no lane. Invariant: every handle is freed before its session, and the session before the library's environment.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "host/graph.h"
#include "host/ort_options.h"

namespace redline {

/// Lets another thread give up an open that is under way.
class OpenCancellation {
 public:
  /// Returns once a copy under way is whole: the copied memory may go then.
  void cancel();
  bool is_cancelled();
  /// A copy of memory that may go as soon as the open has been cancelled. Throws Failure when it has been.
  std::unique_ptr<char[]> copy(const void* bytes, std::size_t length);

 private:
  friend class CancellableOptions;
  std::mutex mutex_;
  bool is_cancelled_ = false;
  ort::SessionOptions* options_ = nullptr;
};

struct OrtSource {
  /// A file, or, when empty, the bytes.
  std::string path;
  const void* bytes = nullptr;
  std::size_t length = 0;
  /// The bytes stay in place until the open has answered, whatever ends before. Else the loader takes a copy.
  bool is_lasting = false;
};

/// Loads a model. Throws Failure MODEL_FILE_MISSING, MODEL_LOAD_FAILED or PROVIDER_OPTION.
std::unique_ptr<Graph> open_ort_graph(const OrtSource& source, const OrtOptions& options, Criticality criticality,
                                      std::size_t slots, OpenCancellation* cancellation);

}  // namespace redline
