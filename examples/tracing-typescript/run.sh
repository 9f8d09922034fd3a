#!/usr/bin/env sh
# Installs what the service needs, then runs it on port ${PORT:-9080}. Needs Node 22.18 or newer.
set -eu
cd "$(dirname "$0")"
npm ci --no-audit --no-fund
exec node service.ts
