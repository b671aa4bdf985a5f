#!/bin/sh
# Owns building and running the storm under one sanitizer: "thread" or "address" (the latter with undefined behaviour).
set -eu
cd "$(dirname "$0")/../.."
case "${1:-thread}" in
  thread) flags="-fsanitize=thread" ;;
  address) flags="-fsanitize=address,undefined -fno-sanitize-recover=all" ;;
  *) echo "usage: run.sh thread|address" >&2; exit 64 ;;
esac
mkdir -p build/sanitize
# shellcheck disable=SC2086
${CXX:-g++} -std=c++17 -Wall -Wextra -Werror -O1 -g $flags -Inative native/test/host_storm.cc native/host/*.cc \
  -o "build/sanitize/host_storm_${1:-thread}" -ldl -lpthread
# ONNX Runtime is not built with the sanitizer, so only null graphs run here.
exec "build/sanitize/host_storm_${1:-thread}"
