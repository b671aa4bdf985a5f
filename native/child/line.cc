// Owns the reading and writing of lines: bounded, and refused at the first thing that is out of place.

#include "child/line.h"

#include <cerrno>
#include <cstdlib>

#include "host/failure.h"

namespace redline::child {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw Failure("PROVIDER_OPTION", "a request: " + what); }

bool is_plain(unsigned char byte) noexcept {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         byte == '-' || byte == '_' || byte == '.' || byte == '~' || byte == '/';
}

int hex_digit(char character) noexcept {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return -1;
}

std::string encode(const std::string& value) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char character : value) {
    const auto byte = static_cast<unsigned char>(character);
    if (is_plain(byte)) {
      text += character;
    } else {
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

std::string decode(const std::string& text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      value += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
    if (low < 0) refuse("a percent sign without two digits");
    value += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string::npos ? end : end - start));
    if (end == std::string::npos) return parts;
    if (parts.size() > kLineFields) refuse("more than " + std::to_string(kLineFields) + " fields");
    start = end + 1;
  }
}

}  // namespace

const std::string* Line::find(const std::string& name) const noexcept {
  for (const auto& [key, value] : fields) {
    if (key == name) return &value;
  }
  return nullptr;
}

Line parse_line(const std::string& text) {
  if (text.size() > kLineBytes) refuse("more than " + std::to_string(kLineBytes) + " bytes");
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() < 2 || words[0].empty()) refuse("expected a verb and a number");
  Line line;
  line.verb = words[0];
  line.id = parse_number(words[1], 0);
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos || equals == 0) refuse("expected name=value");
    line.add(words[i].substr(0, equals), decode(words[i].substr(equals + 1)));
  }
  return line;
}

std::string format_line(const Line& line) {
  std::string text = line.verb + " " + std::to_string(line.id);
  for (const auto& [name, value] : line.fields) text += " " + name + "=" + encode(value);
  return text + "\n";
}

std::vector<std::string> split_list(const std::string& value) {
  std::vector<std::string> values;
  for (const std::string& part : split(value, ',')) values.push_back(decode(part));
  return values;
}

std::string join_list(const std::vector<std::string>& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ",") + encode(values[i]);
  return text;
}

std::int64_t parse_number(const std::string& text, std::int64_t least) {
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  const bool is_whole = !text.empty() && end == text.c_str() + text.size() && errno == 0;
  if (!is_whole || number < least) refuse("expected a number of at least " + std::to_string(least) + ", received " + text);
  return number;
}

}  // namespace redline::child
