{
  "variables": {
    # Warnings are errors where the addon is required, as in CI; a newer compiler's new warning takes it from nobody else.
    "is_strict%": "<!(node -p \"process.env.REDLINE_REQUIRE_ADDON === '1' ? 1 : 0\")"
  },
  "target_defaults": {
    # A product and a sum contracted into one step would round once where every other implementation of an op rounds twice.
    "cflags": ["-Wall", "-Wextra", "-O3", "-fvisibility=hidden", "-ffp-contract=off"],
    "cflags!": ["-fno-exceptions"],
    "cflags_cc": ["-std=c++17", "-fvisibility-inlines-hidden"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "conditions": [
      ["is_strict==1", {
        "cflags": ["-Werror"],
        "xcode_settings": { "OTHER_CFLAGS": ["-Werror"] },
        "msvs_settings": { "VCCLCompilerTool": { "WarnAsError": "true" } }
      }],
      ["OS=='linux'", { "ldflags": ["-Wl,--exclude-libs,ALL"], "libraries": ["-ldl", "-lpthread"] }],
      ["OS=='mac'", {
        "xcode_settings": {
          "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
          "CLANG_CXX_LIBRARY": "libc++",
          "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
          "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
          "GCC_OPTIMIZATION_LEVEL": "3",
          "MACOSX_DEPLOYMENT_TARGET": "11.0",
          "OTHER_CFLAGS": ["-ffp-contract=off"],
          "WARNING_CFLAGS": ["-Wall", "-Wextra"]
        }
      }],
      ["OS=='win'", {
        "msvs_settings": {
          "VCCLCompilerTool": {
            "ExceptionHandling": 1,
            "WarningLevel": 4,
            "AdditionalOptions": ["/std:c++17", "/utf-8"]
          }
        },
        "defines": ["NOMINMAX", "WIN32_LEAN_AND_MEAN"]
      }]
    ]
  },
  "targets": [
    {
      "target_name": "redline",
      "sources": [
        "native/host/alarm.cc",
        "native/host/clock.cc",
        "native/host/denormals.cc",
        "native/host/environment.cc",
        "native/host/finite.cc",
        "native/host/host.cc",
        "native/host/lane.cc",
        "native/host/lane_core.cc",
        "native/host/lane_replay.cc",
        "native/host/loader.cc",
        "native/host/null_graph.cc",
        "native/host/ort_graph.cc",
        "native/host/ort_library.cc",
        "native/host/ort_options.cc",
        "native/host/ort_tensor.cc",
        "native/host/process.cc",
        "native/host/resident_memory.cc",
        "native/host/session.cc",
        "native/host/shared_memory.cc",
        "native/host/simd.cc",
        "native/host/tensor.cc",
        "native/host/thread_priority.cc",
        "native/host/timer.cc",
        "native/napi/addon.cc",
        "native/napi/hot_calls.cc",
        "native/napi/js_environment.cc",
        "native/napi/op_calls.cc",
        "native/napi/open_request.cc",
        "native/napi/program_calls.cc",
        "native/napi/read_value.cc",
        "native/napi/shared_memory.cc",
        "native/ops/avx2.cc",
        "native/ops/boxes_plan.cc",
        "native/ops/image_plan.cc",
        "native/ops/mask_plan.cc",
        "native/ops/neon.cc",
        "native/ops/network_avx2.cc",
        "native/ops/network_avx512.cc",
        "native/ops/network_avx512_vnni.cc",
        "native/ops/network_neon.cc",
        "native/ops/network_scalar.cc",
        "native/ops/network_set.cc",
        "native/ops/op_set.cc",
        "native/ops/scalar.cc",
        "native/ops/spectrum_plan.cc",
        "native/program/program.cc",
        "native/program/program_graph.cc",
        "native/program/step_reader.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")", "native"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "conditions": [["OS=='linux'", { "ldflags": ["-Wl,-z,nodelete"] }]]
    },
    {
      # The same host without Node, as a program: models are tried in it before a host opens them.
      "target_name": "redline-child",
      "type": "executable",
      "win_delay_load_hook": "false",
      "sources": [
        "native/child/line.cc",
        "native/child/main.cc",
        "native/child/pipe.cc",
        "native/child/pulse.cc",
        "native/child/worker.cc",
        "native/host/clock.cc",
        "native/host/denormals.cc",
        "native/host/finite.cc",
        "native/host/ort_graph.cc",
        "native/host/ort_library.cc",
        "native/host/ort_options.cc",
        "native/host/ort_tensor.cc",
        "native/host/process.cc",
        "native/host/resident_memory.cc",
        "native/host/shared_memory.cc",
        "native/host/tensor.cc",
        "native/host/thread_priority.cc"
      ],
      "include_dirs": ["native"]
    }
  ]
}
