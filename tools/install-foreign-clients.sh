#!/usr/bin/env bash
# Installs the producers and consumers that nobody here wrote, for the tests that run them: kcat, jq and curl from the
# distribution, confluent-kafka for Python into a folder of its own (.countersign/foreign-clients). Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for program in kcat jq curl; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "missing: ${missing[*]}; install them with your package manager" >&2
    exit 1
  fi
  apt-get update -qq
  apt-get install -y -qq "${missing[@]}" >/dev/null
fi
folder=.countersign/foreign-clients
if ! "$folder/bin/python" -c 'import confluent_kafka' 2>/dev/null; then
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check confluent-kafka==2.16.1
fi
"$folder/bin/python" -c 'import confluent_kafka; print("confluent-kafka", confluent_kafka.version())'
kcat -V 2>&1 | sed -n 's/^Version \([0-9.]*\).*/kcat \1/p'
