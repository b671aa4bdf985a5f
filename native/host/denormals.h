// Owns how a thread treats denormal floats: runs flush them to zero, everything else keeps the standard's rules.
#pragma once

#include <cstdint>

namespace redline {

/// The calling thread treats denormal floats as zero from now on. For threads that only run graphs.
/// Does nothing on a processor without such a mode.
void flush_denormals() noexcept;

/// The same for one scope: for a graph run on a thread that is not ours, such as JavaScript's.
class DenormalsFlushed {
 public:
  DenormalsFlushed() noexcept;
  ~DenormalsFlushed();
  DenormalsFlushed(const DenormalsFlushed&) = delete;
  DenormalsFlushed& operator=(const DenormalsFlushed&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace redline
