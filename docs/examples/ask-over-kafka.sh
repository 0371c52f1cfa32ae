#!/usr/bin/env bash
# Asks Countersign over Kafka with kcat (client certificate), curl and jq: publishes an intent, waits for its decision,
# collects and redeems the grant, reports the execution. Exit code 0: it ran. 3: it was refused.
set -euo pipefail

producer=$COUNTERSIGN_PRODUCER
request=$(cat /proc/sys/kernel/random/uuid)
action='{"action":"data.export","target":"customers -> s3://partner-eu","environment":"production","parameters":{"table":"customers","rows":4211}}'

settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
cat >"$settings" <<END
bootstrap.servers=$KAFKA_BROKERS
security.protocol=SSL
ssl.ca.location=$KAFKA_CA_FILE
ssl.certificate.location=$KAFKA_CERT_FILE
ssl.key.location=$KAFKA_KEY_FILE
topic.partitioner=murmur2_random
END

# publish TOPIC KEY: sends one line of standard input; fails when the broker refuses it.
publish() {
  sed "s/^/$2|/" | kcat -F "$settings" -P -t "$1" -K '|' -H content-type=application/cloudevents+json -X acks=all
}

# cloud_event TYPE ID DATA [MORE]: a CloudEvent in one line.
cloud_event() {
  jq -cn --arg type "dev.countersign.$1.v1" --arg id "$2" --arg source "/$producer" --argjson data "$3" \
    --argjson more "${4:-{\}}" '{specversion:"1.0",datacontenttype:"application/json",$source,$id,$type,$data} + $more'
}

intent=$(jq -cn --arg agent "$COUNTERSIGN_AGENT" --arg client "$COUNTERSIGN_CLIENT_ID" --argjson action "$action" \
  '{agent:{name:$agent},executor:{clientId:$client},rationale:"the partner asked for a refresh"} + $action')
cloud_event ActionIntent "$request" "$intent" | publish "countersign.intents.v1.$producer" "$request"
echo "asked      $request"

# decision: the outcome of the request among its own decisions so far, unless it is in_review.
decision() {
  kcat -q -F "$settings" -C -t "countersign.decisions.v1.$producer" -o beginning -e |
    jq -c --arg request "$request" '.data | select(.requestId == $request and .state != "in_review")' | head -n 1
}
until=$((SECONDS + ${WAIT_SECONDS:-300}))
while outcome=$(decision) && [ -z "$outcome" ]; do
  [ $SECONDS -lt $until ] || { echo 'no decision in time: that is a no' >&2; exit 1; }
  sleep 0.3
done
jq -r '"\(.state)  \(.intentId // "") \(.code // "")"' <<<"$outcome"
state=$(jq -r .state <<<"$outcome") intent_id=$(jq -r .intentId <<<"$outcome")
[ "$state" = allowed ] || [ "$state" = approved ] || exit 3

endpoint=$(curl -fsS "$COUNTERSIGN_ISSUER/.well-known/openid-configuration" | jq -r .token_endpoint)
token=$(curl -fsS "$endpoint" -d grant_type=client_credentials -d "client_id=$COUNTERSIGN_CLIENT_ID" \
  --data-urlencode "client_secret=$COUNTERSIGN_CLIENT_SECRET" -d "resource=$COUNTERSIGN_AUDIENCE" | jq -r .access_token)

# post PATH BODY: an authorised call; the token goes in over a file descriptor, so that ps does not show it.
post() {
  curl -fsS "$COUNTERSIGN_URL$1" -H @<(echo "authorization: Bearer $token") -H 'content-type: application/json' -d "$2"
}
grant=$(post "/v1/intents/$intent_id/grant" '{}')
grant_id=$(jq -r .grantId <<<"$grant")
redemption=$(cat /proc/sys/kernel/random/uuid)
receipt=$(post "/v1/grants/$grant_id/redeem" "$(jq -c --arg id "$redemption" --argjson action "$action" \
  '{token,redemptionId:$id} + $action' <<<"$grant")")
echo "redeemed   $(jq -r .receiptId <<<"$receipt")"

rows=4211 # here the export would run, and only here

execution=$(cat /proc/sys/kernel/random/uuid)
report=$(jq -cn --arg grant "$grant_id" --arg id "$execution" --argjson rows "$rows" \
  '{grantId:$grant,executionId:$id,outcome:"succeeded",$rows}')
cloud_event ExecutionReport "$execution" "$report" "{\"subject\":\"$intent_id\"}" |
  publish "countersign.executions.v1.$producer" "$intent_id"
for _ in $(seq 150); do
  state=$(curl -fsS "$COUNTERSIGN_URL/v1/intents/$intent_id" -H @<(echo "authorization: Bearer $token") | jq -r .state)
  [ "$state" != succeeded ] || { echo "succeeded  $rows rows"; exit 0; }
  sleep 0.2
done
echo "the report has not arrived: $state" >&2
exit 1
