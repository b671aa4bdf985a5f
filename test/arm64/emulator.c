// Owns standing for `node` where the one to run is ARM64's: hands its arguments on to the emulator.
// Linked statically: a library that a test preloads is for the emulated program, and this machine's loader must not meet it.
// AS is a link to the emulator that bears the program's name, PREFIX the system's root that it shows, all given by the compiler.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char** arguments) {
  enum { kOwn = 10 };
  char** all = calloc((size_t)count + kOwn, sizeof *all);
  static char preload[8192];
  if (all == NULL) return 71;
  int at = 0;
  all[at++] = AS;
  all[at++] = "-cpu";
  all[at++] = CPU;
  all[at++] = "-L";
  all[at++] = PREFIX;
  const char* wanted = getenv("LD_PRELOAD");
  if (wanted != NULL) {
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", wanted);
    unsetenv("LD_PRELOAD");
    all[at++] = "-E";
    all[at++] = preload;
  }
  all[at++] = NODE;
  all[at++] = "--require";
  all[at++] = HOOK;
  for (int i = 1; i < count; ++i) all[at++] = arguments[i];
  execv(AS, all);
  perror(AS);
  return 71;
}
