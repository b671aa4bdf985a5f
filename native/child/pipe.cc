// Owns reading and writing the standard streams on each operating system.

#include "child/pipe.h"

#include <cstdlib>
#include <thread>

#if defined(_WIN32)
#include <windows.h>
// After windows.h, as its own headers come.
#include <fcntl.h>
#include <io.h>
#else
#include <csignal>
#include <unistd.h>
#endif

namespace redline::child {

namespace {

// A parent waits for each reply: more than this many unread requests is no parent of ours.
constexpr std::size_t kMostWaiting = 64;

#if defined(_WIN32)
int requests = 0;

/// Requests are read from a descriptor of our own. While a thread waits on a pipe, asking what kind of file it is waits
/// too; a library with a C runtime of its own asks that of standard input as it loads, and ONNX Runtime loads while we wait.
void prepare_streams() {
  const int own = _dup(0);
  const int nothing = _open("NUL", _O_RDONLY);
  if (own < 0 || nothing < 0 || _dup2(nothing, 0) != 0) leave(2);
  _close(nothing);
  requests = own;
  _setmode(requests, _O_BINARY);
  _setmode(1, _O_BINARY);
}
int read_some(char* bytes, unsigned count) { return _read(requests, bytes, count); }
int write_some(const char* bytes, std::size_t count) { return _write(1, bytes, static_cast<unsigned>(count)); }
#else
void prepare_streams() { std::signal(SIGPIPE, SIG_IGN); }
int read_some(char* bytes, unsigned count) { return static_cast<int>(read(0, bytes, count)); }
int write_some(const char* bytes, std::size_t count) { return static_cast<int>(write(1, bytes, count)); }
#endif

}  // namespace

void leave(int status) noexcept {
#if defined(_WIN32)
  // An exit would tell each library of it, with their other threads already gone and the locks of those still held.
  TerminateProcess(GetCurrentProcess(), static_cast<UINT>(status));
#endif
  std::_Exit(status);
}

Pipe::Pipe() {
  prepare_streams();
  std::thread([this] { read_requests(); }).detach();
}

std::string Pipe::next() {
  std::unique_lock<std::mutex> lock(read_mutex_);
  arrived_.wait(lock, [this] { return !requests_.empty(); });
  std::string request = std::move(requests_.front());
  requests_.pop_front();
  return request;
}

void Pipe::send(const Line& line) {
  const std::string text = format_line(line);
  const std::lock_guard<std::mutex> lock(write_mutex_);
  std::size_t written = 0;
  while (written < text.size()) {
    const int count = write_some(text.data() + written, text.size() - written);
    if (count <= 0) leave(0);
    written += static_cast<std::size_t>(count);
  }
}

void Pipe::read_requests() {
  std::string text;
  char chunk[4096];
  while (true) {
    const int count = read_some(chunk, sizeof(chunk));
    if (count <= 0) leave(0);
    for (int i = 0; i < count; ++i) {
      if (chunk[i] != '\n') {
        text += chunk[i];
        // Without a line feed in sight this is no request; there is nobody to answer.
        if (text.size() > kLineBytes) leave(2);
        continue;
      }
      const std::lock_guard<std::mutex> lock(read_mutex_);
      if (requests_.size() >= kMostWaiting) leave(2);
      requests_.push_back(std::move(text));
      text.clear();
      arrived_.notify_one();
    }
  }
}

}  // namespace redline::child
