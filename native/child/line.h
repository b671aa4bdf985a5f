// Owns the lines that the child and its parent exchange: a verb, a number, and fields whose values are percent-encoded.
// Knows no verb. Invariant: nothing is read beyond the limits below, whatever arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace redline::child {

/// LINE_BYTES of runtime/vetting/line.ts: room for the tensors of any graph in reach.
inline constexpr std::size_t kLineBytes = 1 << 20;
inline constexpr std::size_t kLineFields = 8192;

struct Line {
  std::string verb;
  std::int64_t id = 0;
  std::vector<std::pair<std::string, std::string>> fields;

  /// The first field of this name, or null.
  const std::string* find(const std::string& name) const noexcept;
  void add(std::string name, std::string value) { fields.emplace_back(std::move(name), std::move(value)); }
};

/// Throws Failure PROVIDER_OPTION for a line that is not one.
Line parse_line(const std::string& text);
/// With its line feed.
std::string format_line(const Line& line);

/// Several values in one field, each encoded once more.
std::vector<std::string> split_list(const std::string& value);
std::string join_list(const std::vector<std::string>& values);

/// Throws Failure PROVIDER_OPTION unless the text is a whole number of at least `least`.
std::int64_t parse_number(const std::string& text, std::int64_t least);

}  // namespace redline::child
