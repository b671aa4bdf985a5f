// Owns the finding of Node-API on Windows where no import library of node.exe is linked: the cross-built addon.
// Invariant: the functions come from whatever program hosts Node, which under Electron is not named node.exe; where
// one is missing the addon does not load, instead of failing at a call.

#include <windows.h>

#include <initializer_list>

// Written by native/build-prebuilds.mjs: REDLINE_NODE_API(X) is X(name) for each function of NAPI_VERSION.
#include "node_api_functions.h"

namespace {

bool is_complete = true;

void* find(const char* name) noexcept {
  // A program may keep Node in a library of its own.
  for (const wchar_t* host : {L"libnode.dll", L"node.dll"}) {
    const HMODULE library = GetModuleHandleW(host);
    const auto found = library == nullptr ? nullptr : GetProcAddress(library, name);
    if (found != nullptr) return reinterpret_cast<void*>(found);
  }
  const auto found = GetProcAddress(GetModuleHandleW(nullptr), name);
  if (found == nullptr) is_complete = false;
  return reinterpret_cast<void*>(found);
}

}  // namespace

// A call of a function declared `dllimport` goes through the pointer of this name.
#define REDLINE_IMPORT(name) \
  extern "C" void* __imp_##name; \
  void* __imp_##name = find(#name);

REDLINE_NODE_API(REDLINE_IMPORT)

// Runs after the pointers above are filled; false makes LoadLibrary fail.
extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD, LPVOID) { return is_complete ? TRUE : FALSE; }
