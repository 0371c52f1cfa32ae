#!/bin/sh
# Starts the broker of docker-compose.yml with what the job `secrets` made: server.properties, certificates, users. The first
# start formats the data folder. It runs Java itself: the scripts of the image write beside themselves, and its root is
# read-only. No password is an argument of a program.
set -eu

secrets=${SECRETS:-/run/countersign}
libs=${KAFKA_LIBS:-/opt/kafka/libs}
properties="$secrets/server.properties"
folder=$(sed -n 's/^log\.dirs=//p' "$properties")

# Log4j is in the image, SLF4J's simple logger beside the jars that the tests take.
set -- "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC -Dlog4j2.level=WARN -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
  -cp "$libs/*"

if [ ! -e "$folder/meta.properties" ]; then
  echo "formatting $folder"
  java "$@" kafka.tools.StorageTool "@$secrets/format-arguments"
fi
exec java "$@" kafka.Kafka "$properties"
