// Owns what JavaScript says of a program, and the call that runs one once. Knows no arithmetic.
#pragma once

#include <napi.h>

#include "program/program.h"

namespace redline::js {

/// Throws Failure OP_ARGUMENT naming the argument.
const ops::NetworkSet& read_network_set(Napi::Value value);
/// A copy of words and weights: the loader builds the program on its own thread.
ProgramImage read_program_image(Napi::Value words, Napi::Value weights, std::size_t arena_floats);
std::vector<std::int32_t> read_words(Napi::Value value, const char* name);

void define_program_calls(Napi::Env env, Napi::Object exports);

}  // namespace redline::js
