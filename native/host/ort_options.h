// Owns the session options the host understands and their translation into the library's.
// Invariant: everything left out keeps the library's default, but for threads, spinning and the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/ort_library.h"
#include "host/outcome.h"

namespace redline {

/// OrtOptions of runtime/bindings/addon.ts.
struct OrtOptions {
  std::int64_t intra_op_threads = 1;
  bool is_spinning = false;
  std::string graph_optimization = "all";
  std::optional<bool> has_cpu_mem_arena;
  std::optional<bool> has_mem_pattern;
  std::vector<std::pair<std::string, std::int64_t>> free_dimensions;
  std::vector<std::pair<std::string, std::string>> config_entries;
  std::string optimized_model_path;
  std::string profile_prefix;
};

/// Throws Failure PROVIDER_OPTION naming the option that is wrong.
OrtSessionOptionsHandle make_session_options(const OrtOptions& options, Criticality criticality);

}  // namespace redline
