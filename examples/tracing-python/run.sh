#!/usr/bin/env sh
# Installs what the service needs into .venv, then runs it on port ${PORT:-9080}. Needs Python 3.11 or newer.
set -eu
cd "$(dirname "$0")"
[ -d .venv ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
exec .venv/bin/python service.py
