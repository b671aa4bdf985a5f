// Owns SharedSlots of runtime/bindings/addon.ts: copies in and out of shared memory, so that no view outlives it.

#include "napi/shared_memory.h"

#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "host/failure.h"
#include "host/resident_memory.h"
#include "host/shared_memory.h"
#include "napi/read_value.h"

namespace redline::js {

namespace {

using Info = const Napi::CallbackInfo&;
// One memory, shared by the functions of one JavaScript object; null once it is closed.
using Held = std::shared_ptr<std::unique_ptr<SharedMemory>>;

Napi::Function guarded(Napi::Env env, const char* name, std::function<Napi::Value(Info)> call) {
  const auto wrapped = [call = std::move(call)](Info info) -> Napi::Value {
    try {
      return call(info);
    } catch (const Failure& failure) {
      throw make_error(info.Env(), failure);
    }
  };
  return Napi::Function::New(env, wrapped, name);
}

std::uint8_t* range_of(const Held& held, std::int64_t offset, std::int64_t bytes) {
  if (*held == nullptr) throw Failure("SESSION_CLOSED", "the shared memory is closed");
  const auto size = static_cast<std::int64_t>((*held)->bytes());
  if (offset < 0 || bytes < 0 || offset > size || bytes > size - offset) {
    throw Failure("INPUT_SHAPE", "shared memory: expected a range within " + std::to_string(size) +
                                     " bytes, received " + std::to_string(bytes) + " at " + std::to_string(offset));
  }
  return (*held)->data() + offset;
}

Napi::Value create(Info info) {
  const std::int64_t bytes = read_integer(info[0], "bytes");
  if (bytes < 1) throw Failure("PROVIDER_OPTION", "bytes: expected 1 or more");
  const auto held = std::make_shared<std::unique_ptr<SharedMemory>>(SharedMemory::create(static_cast<std::size_t>(bytes)));
  const Napi::Env env = info.Env();
  Napi::Object object = Napi::Object::New(env);
  object.Set("bytes", static_cast<double>(bytes));
  object.Set("descriptor", (*held)->descriptor());
  object.Set("name", (*held)->name());
  object.Set("write", guarded(env, "write", [held](Info call) -> Napi::Value {
               View view{};
               if (!read_view(call.Env(), call[1], &view) || view.type != napi_uint8_array) {
                 throw Failure("INPUT_DTYPE", "expected a Uint8Array");
               }
               const auto length = static_cast<std::int64_t>(view.length);
               std::uint8_t* target = range_of(held, read_integer(call[0], "offset"), length);
               if (view.length > 0) std::memcpy(target, view.data, view.length);
               return call.Env().Undefined();
             }));
  object.Set("read", guarded(env, "read", [held](Info call) -> Napi::Value {
               const std::int64_t length = read_integer(call[1], "length");
               const std::uint8_t* source = range_of(held, read_integer(call[0], "offset"), length);
               Napi::Uint8Array copy = Napi::Uint8Array::New(call.Env(), static_cast<std::size_t>(length));
               if (length > 0) std::memcpy(copy.Data(), source, static_cast<std::size_t>(length));
               return copy;
             }));
  object.Set("close", guarded(env, "close", [held](Info call) -> Napi::Value {
               held->reset();
               return call.Env().Undefined();
             }));
  return object;
}

Napi::Value resident(Info info) {
  const std::int64_t bytes = resident_bytes(read_integer(info[0], "processId"));
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

}  // namespace

void define_shared_memory(Napi::Env env, Napi::Object exports) {
  exports.Set("createShared", guarded(env, "createShared", create));
  exports.Set("residentBytes", guarded(env, "residentBytes", resident));
}

}  // namespace redline::js
