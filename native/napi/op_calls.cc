// Owns the op calls (opImage, opMargins and so on): every view and number checked, then one call.
// Invariant: whatever JavaScript passes, no op reads or writes outside the views it was given; a refusal is OP_ARGUMENT.

#include "napi/op_calls.h"

#include <array>
#include <cmath>
#include <initializer_list>
#include <string>

#include "host/failure.h"
#include "napi/read_value.h"
#include "ops/op_set.h"

namespace redline::js {

namespace {

using ops::OpSet;

// The longest of the argument lists here; what a caller leaves out is undefined.
constexpr std::size_t kMostArguments = 10;

[[noreturn]] void refuse(const char* name, const std::string& expected) {
  throw Failure("OP_ARGUMENT", std::string(name) + ": expected " + expected);
}

class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    std::size_t count = kMostArguments;
    napi_get_cb_info(env, info, &count, values_.data(), nullptr, nullptr);
  }

  double number(std::size_t index, const char* name) const {
    double value = 0;
    if (napi_get_value_double(env_, values_[index], &value) != napi_ok) refuse(name, "a number");
    return value;
  }

  std::int64_t whole(std::size_t index, const char* name, std::int64_t first, std::int64_t last) const {
    const double value = number(index, name);
    const bool is_whole = value >= static_cast<double>(first) && value <= static_cast<double>(last) &&
                          value == std::floor(value);
    if (!is_whole) refuse(name, "a whole number from " + std::to_string(first) + " to " + std::to_string(last));
    return static_cast<std::int64_t>(value);
  }

  const OpSet& set() const {
    const auto& sets = ops::op_sets();
    return *sets[static_cast<std::size_t>(whole(0, "set", 0, static_cast<std::int64_t>(sets.size()) - 1))];
  }

  View view(std::size_t index, const char* name, napi_typedarray_type type) const {
    View found = any_view(index, name);
    if (found.type != type) refuse(name, "a typed array of another element type");
    return found;
  }

  View any_view(std::size_t index, const char* name) const {
    View found{};
    if (!read_view(env_, values_[index], &found)) refuse(name, "a typed array");
    return found;
  }

 private:
  napi_env env_;
  std::array<napi_value, kMostArguments> values_{};
};

std::size_t bytes_of(const View& view) noexcept {
  switch (view.type) {
    case napi_float64_array:
      return view.length * 8;
    case napi_float32_array:
    case napi_int32_array:
      return view.length * 4;
    case napi_uint16_array:
    case napi_int16_array:
      return view.length * 2;
    default:
      return view.length;
  }
}

/// An op writes `written` and reads the others: none of them may share memory with it.
void require_apart(const char* name, const View& written, std::initializer_list<const View*> others) {
  const auto begin = reinterpret_cast<std::uintptr_t>(written.data);
  for (const View* other : others) {
    const auto from = reinterpret_cast<std::uintptr_t>(other->data);
    if (begin < from + bytes_of(*other) && from < begin + bytes_of(written)) {
      refuse(name, "memory apart from the other views");
    }
  }
}

void require_length(const char* name, const View& view, std::size_t length) {
  if (view.length != length) refuse(name, std::to_string(length) + " elements, not " + std::to_string(view.length));
}

napi_typedarray_type array_of(ops::Element element) noexcept {
  switch (element) {
    case ops::Element::f32:
      return napi_float32_array;
    case ops::Element::f16:
      return napi_uint16_array;
    case ops::Element::u8:
      return napi_uint8_array;
    case ops::Element::i8:
      break;
  }
  return napi_int8_array;
}

void image(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View words = arguments.view(1, "words", napi_int32_array);
  const View source = arguments.view(2, "source", napi_uint8_array);
  const ops::ImagePlan plan = ops::read_image_plan(static_cast<const std::int32_t*>(words.data), words.length);
  const View target = arguments.view(3, "target", array_of(plan.element));
  if (static_cast<std::int64_t>(source.length) < plan.source_bytes) {
    refuse("source", "at least " + std::to_string(plan.source_bytes) + " bytes");
  }
  require_length("target", target, plan.elements());
  require_apart("target", target, {&words, &source});
  set.image(plan, static_cast<const std::uint8_t*>(source.data), target.data);
}

void margins(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View scores = arguments.view(1, "scores", napi_float32_array);
  const View out = arguments.view(2, "margins", napi_float32_array);
  const View totals = arguments.view(3, "totals", napi_float64_array);
  const bool is_logits = arguments.whole(4, "isLogits", 0, 1) == 1;
  require_length("scores", scores, 2 * out.length);
  require_length("totals", totals, 2);
  require_apart("margins", out, {&scores, &totals});
  require_apart("totals", totals, {&scores});
  set.margins(static_cast<const float*>(scores.data), out.length, static_cast<float*>(out.data),
              static_cast<double*>(totals.data), is_logits);
}

void mask(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View words = arguments.view(1, "words", napi_int32_array);
  const View margins = arguments.view(2, "margins", napi_float32_array);
  const View out = arguments.view(3, "mask", napi_uint8_array);
  const ops::MaskPlan plan = ops::read_mask_plan(static_cast<std::int32_t*>(words.data), words.length);
  require_length("margins", margins,
                 static_cast<std::size_t>(plan.grid_width) * static_cast<std::size_t>(plan.grid_height));
  require_length("mask", out, static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height));
  require_apart("mask", out, {&words, &margins});
  require_apart("words", words, {&margins});
  set.mask(plan, static_cast<const float*>(margins.data), static_cast<std::uint8_t*>(out.data));
}

std::size_t runs(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View margins = arguments.view(1, "margins", napi_float32_array);
  const View out = arguments.view(2, "runs", napi_float64_array);
  const auto width = static_cast<std::size_t>(arguments.whole(3, "width", 1, INT32_MAX));
  if (margins.length % width != 0) refuse("margins", "whole rows of " + std::to_string(width));
  require_apart("runs", out, {&margins});
  return set.runs(static_cast<const float*>(margins.data), width, margins.length / width,
                  static_cast<double*>(out.data), out.length / 4);
}

void resample(const Arguments& arguments) {
  constexpr std::int64_t kStepMax = 1 << 20;
  constexpr std::int64_t kTableMax = 1 << 16;
  const OpSet& set = arguments.set();
  const View table = arguments.view(1, "table", napi_float32_array);
  const View input = arguments.view(2, "input", napi_float32_array);
  const View output = arguments.view(3, "output", napi_float32_array);
  ops::ResampleCall call{};
  call.table = static_cast<const float*>(table.data);
  call.input = static_cast<const float*>(input.data);
  call.output = static_cast<float*>(output.data);
  call.outputs = output.length;
  call.taps = arguments.whole(4, "taps", 1, kTableMax);
  call.phases = arguments.whole(5, "phases", 1, kTableMax);
  call.up = arguments.whole(6, "up", 1, kStepMax);
  call.down = arguments.whole(7, "down", 1, kStepMax);
  call.start = arguments.whole(8, "start", 0, static_cast<std::int64_t>(input.length));
  call.fraction = arguments.whole(9, "fraction", 0, call.up - 1);
  require_length("table", table, static_cast<std::size_t>((call.phases + 1) * call.taps));
  require_apart("output", output, {&table, &input});
  if (call.outputs == 0) return;
  const auto last = static_cast<std::int64_t>(call.outputs - 1);
  const std::int64_t end = call.start + (call.fraction + last * call.down) / call.up + call.taps;
  if (end > static_cast<std::int64_t>(input.length)) refuse("output", "windows within the input");
  set.resample(call);
}

void level(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View samples = arguments.view(1, "samples", napi_float32_array);
  const View stats = arguments.view(2, "stats", napi_float64_array);
  require_length("stats", stats, 5);
  require_apart("stats", stats, {&samples});
  if (samples.length == 0) refuse("samples", "at least one");
  ops::LevelCall call{};
  call.samples = static_cast<const float*>(samples.data);
  call.count = samples.length;
  call.stats = static_cast<double*>(stats.data);
  call.pre_emphasis = arguments.number(3, "preEmphasis");
  call.previous = static_cast<float>(arguments.number(4, "previous"));
  call.clips_at = arguments.number(5, "clipsAt");
  set.level(call);
}

/// The stft and log-mel ops: the plan says which, and must say the one that is called.
template <bool kIsMel>
void spectrum(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View words = arguments.view(1, "words", napi_int32_array);
  const ops::SpectrumPlan plan = ops::read_spectrum_plan(static_cast<std::int32_t*>(words.data), words.length);
  if ((plan.bands > 0) != kIsMel) refuse("words", kIsMel ? "a plan with bands" : "a plan without bands");
  const View samples = arguments.view(2, "samples", plan.is_integer ? napi_int16_array : napi_float32_array);
  const View out = arguments.view(3, "out", napi_float32_array);
  require_length("samples", samples, static_cast<std::size_t>(plan.samples));
  require_length("out", out, plan.elements());
  require_apart("out", out, {&words, &samples});
  require_apart("words", words, {&samples});
  (kIsMel ? set.log_mel : set.stft)(plan, samples.data, static_cast<float*>(out.data));
}

std::size_t gain(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View samples = arguments.view(1, "samples", napi_float32_array);
  const View out = arguments.view(2, "out", napi_float32_array);
  require_length("out", out, samples.length);
  require_apart("out", out, {&samples});
  return set.gain(static_cast<const float*>(samples.data), samples.length, static_cast<float*>(out.data),
                  static_cast<float>(arguments.number(3, "gain")), static_cast<float>(arguments.number(4, "limit")));
}

std::size_t boxes(const Arguments& arguments) {
  const OpSet& set = arguments.set();
  const View words = arguments.view(1, "words", napi_int32_array);
  const View scores = arguments.view(2, "scores", napi_float32_array);
  const View boxes = arguments.view(3, "boxes", napi_float32_array);
  const View out = arguments.view(4, "out", napi_float32_array);
  const ops::BoxesPlan plan = ops::read_boxes_plan(static_cast<const std::int32_t*>(words.data), words.length);
  require_length("scores", scores, static_cast<std::size_t>(plan.scores_length));
  require_length("boxes", boxes, static_cast<std::size_t>(plan.boxes_length));
  require_apart("out", out, {&words, &scores, &boxes});
  return set.boxes(plan, static_cast<const float*>(scores.data), static_cast<const float*>(boxes.data),
                   static_cast<float*>(out.data), out.length / 6);
}

std::size_t suppress(const Arguments& arguments) {
  constexpr std::size_t kRowFields = 6;
  constexpr std::size_t kKeptSpare = 8;
  const OpSet& set = arguments.set();
  const View scratch = arguments.view(1, "scratch", napi_int32_array);
  const View rows = arguments.view(2, "rows", napi_float32_array);
  const View out = arguments.view(3, "out", napi_float32_array);
  ops::SuppressCall call{};
  call.rows = static_cast<const float*>(rows.data);
  call.count = rows.length / kRowFields;
  call.out = static_cast<float*>(out.data);
  call.keep = out.length / kRowFields;
  call.overlap = static_cast<float>(arguments.number(4, "overlap"));
  call.is_together = arguments.whole(5, "isTogether", 0, 1) == 1;
  if (rows.length % kRowFields != 0) refuse("rows", "whole rows of 6");
  if (out.length % kRowFields != 0) refuse("out", "whole rows of 6");
  if (scratch.length < call.count + kRowFields * (call.keep + kKeptSpare)) refuse("scratch", "room for the rows");
  require_apart("out", out, {&scratch, &rows});
  require_apart("scratch", scratch, {&rows});
  call.order = static_cast<std::int32_t*>(scratch.data);
  call.kept = reinterpret_cast<float*>(call.order + call.count);
  return set.suppress(call);
}

void blur(const Arguments& arguments) {
  constexpr std::int64_t kSideMax = 16384;
  const OpSet& set = arguments.set();
  const View scratch = arguments.view(1, "scratch", napi_int32_array);
  const View regions = arguments.view(2, "regions", napi_int32_array);
  const View image = arguments.view(3, "image", napi_uint8_array);
  ops::BlurCall call{};
  call.width = arguments.whole(4, "width", 1, kSideMax);
  call.height = arguments.whole(5, "height", 1, kSideMax);
  call.channels = arguments.whole(6, "channels", 3, 4);
  call.stride = arguments.whole(7, "strideBytes", call.width * call.channels, 8 * call.width * call.channels);
  call.radius = arguments.whole(8, "radius", 1, 255);
  call.passes = arguments.whole(9, "passes", 1, 8);
  const std::int64_t row_bytes = call.width * call.channels;
  const std::int64_t row_sums = row_bytes + (2 * call.radius + 1) * call.channels;
  const std::int64_t ring_words = ((call.radius + 1) * row_bytes + 3) / 4;
  if (regions.length % 4 != 0) refuse("regions", "whole regions of 4");
  if (static_cast<std::int64_t>(image.length) < (call.height - 1) * call.stride + row_bytes) {
    refuse("image", "at least " + std::to_string((call.height - 1) * call.stride + row_bytes) + " bytes");
  }
  require_length("scratch", scratch, static_cast<std::size_t>(row_sums + row_bytes + ring_words));
  require_apart("image", image, {&scratch, &regions});
  require_apart("scratch", scratch, {&regions});
  call.region = static_cast<const std::int32_t*>(regions.data);
  call.regions = regions.length / 4;
  call.image = static_cast<std::uint8_t*>(image.data);
  call.row_sums = static_cast<float*>(scratch.data);
  call.column_sums = call.row_sums + row_sums;
  call.rows = reinterpret_cast<std::uint8_t*>(call.column_sums + row_bytes);
  set.blur(call);
}

template <void (*kCall)(const Arguments&)>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    kCall(Arguments(env, info));
  } catch (const Failure& failure) {
    napi_throw(env, make_error(Napi::Env(env), failure).Value());
  }
  return nullptr;
}

/// For an op that answers a count.
template <std::size_t (*kCall)(const Arguments&)>
napi_value counted(napi_env env, napi_callback_info info) {
  try {
    napi_value result = nullptr;
    napi_create_double(env, static_cast<double>(kCall(Arguments(env, info))), &result);
    return result;
  } catch (const Failure& failure) {
    napi_throw(env, make_error(Napi::Env(env), failure).Value());
    return nullptr;
  }
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, name, function) != napi_ok) {
    throw Napi::Error::New(env, "the addon's functions could not be defined");
  }
}

}  // namespace

void define_op_calls(Napi::Env env, Napi::Object exports) {
  Napi::Array names = Napi::Array::New(env);
  for (const OpSet* set : ops::op_sets()) names.Set(names.Length(), set->name);
  exports.Set("opSets", names);
  define(env, exports, "opImage", guarded<image>);
  define(env, exports, "opMargins", guarded<margins>);
  define(env, exports, "opMask", guarded<mask>);
  define(env, exports, "opRuns", counted<runs>);
  define(env, exports, "opResample", guarded<resample>);
  define(env, exports, "opLevel", guarded<level>);
  define(env, exports, "opStft", guarded<spectrum<false>>);
  define(env, exports, "opLogMel", guarded<spectrum<true>>);
  define(env, exports, "opGain", counted<gain>);
  define(env, exports, "opBoxes", counted<boxes>);
  define(env, exports, "opSuppress", counted<suppress>);
  define(env, exports, "opBlur", guarded<blur>);
}

}  // namespace redline::js
