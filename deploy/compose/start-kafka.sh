#!/bin/sh
# Starts the broker of docker-compose.yml with what the job `secrets` made: server.properties, certificates, users. The first
# start formats the data folder. It runs Java itself: the scripts of the image write beside themselves, and its root is
# read-only. No password is an argument of a program.
set -eu
umask 077

secrets=${SECRETS:-/run/countersign}
libs=${KAFKA_LIBS:-/opt/kafka/libs}
properties="$secrets/server.properties"
folder=$(sed -n 's/^log\.dirs=//p' "$properties")

# Refused attempts, a line each, for `countersign reconcile --trail kafka`. A client may name a topic with a line end in it, and
# what it writes behind that would pass for a line about somebody else. So each line begins with a word that no client knows,
# which stays over restarts and lies beside the log.
log=${BROKER_LOG:-/var/log/countersign/broker.log}
if [ ! -s "$log.mark" ]; then
  tr -d '\n-' </proc/sys/kernel/random/uuid >"$log.mark.new"
  mv "$log.mark.new" "$log.mark"
fi
mark=$(cat "$log.mark")
cp "$log.mark" "$log.1.mark"
logging="${TMPDIR:-/tmp}/log4j2.properties"
cat >"$logging" <<END
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c)%n
appender.refused.type = RollingFile
appender.refused.name = refused
appender.refused.fileName = $log
appender.refused.filePattern = $log.%i
appender.refused.layout.type = PatternLayout
appender.refused.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} $mark [%t] %p %c - %m%n
appender.refused.policies.type = Policies
appender.refused.policies.size.type = SizeBasedTriggeringPolicy
appender.refused.policies.size.size = 64MB
appender.refused.strategy.type = DefaultRolloverStrategy
appender.refused.strategy.max = 1
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.authorizer.name = kafka.authorizer.logger
logger.authorizer.level = info
logger.authorizer.additivity = false
logger.authorizer.appenderRef.refused.ref = refused
END

set -- "-Xmx${KAFKA_HEAP:-512m}" -XX:+UseSerialGC "-Dlog4j2.configurationFile=$logging" -cp "$libs/*"

if [ ! -e "$folder/meta.properties" ]; then
  echo "formatting $folder"
  java "$@" kafka.tools.StorageTool "@$secrets/format-arguments"
fi
exec java "$@" kafka.Kafka "$properties"
