// Owns what the environment gives these tests: the library and the models. Without them tests of models are skipped.
#pragma once

#include <string>

namespace redline::check {

/// The value of a variable, empty when there is none.
std::string given(const char* name);

/// Loads ONNX Runtime, once. False, with a line that says so, where there is none: it is not built for the thread sanitizer.
bool has_library();

}  // namespace redline::check
