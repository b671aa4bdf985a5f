// Owns the system calls behind thread priorities on Linux, macOS and Windows.
// Knows no lanes. Raising a thread needs a privilege on Linux; it is tried and given up quietly.

#include "host/thread_priority.h"

#include <atomic>
#include <thread>

#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <pthread.h>
#include <pthread/qos.h>
#else
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace redline {

namespace {

/// Whether critical threads that start now are to be real-time ones.
std::atomic<bool> is_real_time{false};

}  // namespace

void set_real_time(bool is_wanted) noexcept { is_real_time.store(is_wanted); }

const char* regime_name(Regime regime) noexcept {
  switch (regime) {
    case Regime::real_time:
      return "real-time";
    case Regime::raised:
      return "raised";
    case Regime::nice:
      return "nice";
    case Regime::idle:
      return "idle";
    case Regime::normal:
      break;
  }
  return "normal";
}

#if defined(_WIN32)

Regime enter_class(Criticality criticality) noexcept {
  const HANDLE self = GetCurrentThread();
  switch (criticality) {
    case Criticality::critical:
      // Highest, not time-critical: the latter outranks the input and audio threads of the whole machine.
      return SetThreadPriority(self, THREAD_PRIORITY_HIGHEST) ? Regime::raised : Regime::normal;
    case Criticality::interactive:
      return SetThreadPriority(self, THREAD_PRIORITY_BELOW_NORMAL) ? Regime::nice : Regime::normal;
    case Criticality::background:
      return SetThreadPriority(self, THREAD_PRIORITY_IDLE) ? Regime::idle : Regime::normal;
  }
  return Regime::normal;
}

void enter_timer_class() noexcept { SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_TIME_CRITICAL); }

// Windows raises threads that are ready but starved by itself.
void inherit_priority(std::mutex*) noexcept {}

void name_thread(const char* name) noexcept {
  wchar_t wide[32] = {};
  for (int i = 0; i < 31 && name[i] != '\0'; ++i) wide[i] = static_cast<wchar_t>(name[i]);
  SetThreadDescription(GetCurrentThread(), wide);
}

#elif defined(__APPLE__)

Regime enter_class(Criticality criticality) noexcept {
  switch (criticality) {
    case Criticality::critical:
      return pthread_set_qos_class_self_np(QOS_CLASS_USER_INTERACTIVE, 0) == 0 ? Regime::raised : Regime::normal;
    case Criticality::interactive:
      return pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0) == 0 ? Regime::nice : Regime::normal;
    case Criticality::background:
      return pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0) == 0 ? Regime::idle : Regime::normal;
  }
  return Regime::normal;
}

void enter_timer_class() noexcept { pthread_set_qos_class_self_np(QOS_CLASS_USER_INTERACTIVE, 0); }

// macOS mutexes pass their waiters' quality of service on to the holder by themselves.
void inherit_priority(std::mutex*) noexcept {}

void name_thread(const char* name) noexcept { pthread_setname_np(name); }

#else

namespace {

// The lowest real-time priorities suffice: any outranks every ordinary thread, and kernel threads stay above. A deadline
// is never kept waiting.
constexpr int kTimerPriority = 2;
constexpr int kCriticalPriority = 1;
// One step of nice is worth about 1.25x of processor share: ten outweigh an ordinary thread 9 to 1, five 3 to 1.
// Not a real-time class unless asked for: a lane that is busy most of the time would lock everything else out of its
// processor, the interactive lanes and JavaScript itself included (docs/decisions/0012, 0067).
constexpr int kCriticalNice = -10;
constexpr int kInteractiveNice = -5;
// Without the privilege to raise, critical stays normal and interactive makes room for it.
constexpr int kYieldingNice = 5;

bool enter_policy(int policy, int priority) noexcept {
  sched_param parameters{};
  parameters.sched_priority = priority;
  return pthread_setschedparam(pthread_self(), policy, &parameters) == 0;
}

bool enter_nice(int nice) noexcept {
  // On Linux a nice value belongs to the thread, named by its kernel id.
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  return setpriority(PRIO_PROCESS, thread, nice) == 0;
}

}  // namespace

Regime enter_class(Criticality criticality) noexcept {
  switch (criticality) {
    case Criticality::critical:
      if (is_real_time.load() && enter_policy(SCHED_FIFO, kCriticalPriority)) return Regime::real_time;
      return enter_nice(kCriticalNice) ? Regime::raised : Regime::normal;
    case Criticality::interactive:
      if (enter_nice(kInteractiveNice)) return Regime::raised;
      return enter_nice(kYieldingNice) ? Regime::nice : Regime::normal;
    case Criticality::background:
      if (enter_policy(SCHED_IDLE, 0)) return Regime::idle;
      return enter_nice(19) ? Regime::nice : Regime::normal;
  }
  return Regime::normal;
}

void enter_timer_class() noexcept {
  if (!enter_policy(SCHED_FIFO, kTimerPriority)) {
    // Without real time the kernel may bundle timers within 50 us; ask it not to.
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  }
}

void inherit_priority(std::mutex* mutex) noexcept {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return;
  // A std::mutex is a pthread mutex of default attributes here; only they change, and nobody has locked it yet.
  if (pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0) {
    pthread_mutex_init(mutex->native_handle(), &attributes);
  }
  pthread_mutexattr_destroy(&attributes);
}

void name_thread(const char* name) noexcept { pthread_setname_np(pthread_self(), name); }

#endif

Regime probe_class(Criticality criticality) {
  Regime regime = Regime::normal;
  std::thread([&regime, criticality] { regime = enter_class(criticality); }).join();
  return regime;
}

}  // namespace redline
