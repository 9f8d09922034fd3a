#!/usr/bin/env sh
# Builds the service, then runs it on port ${PORT:-9080}. Needs a Rust toolchain.
set -eu
cd "$(dirname "$0")"
exec cargo run --release --locked
