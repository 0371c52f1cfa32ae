#!/usr/bin/env python3
"""Asks Countersign over Kafka before exporting a table, runs it once, reports what happened.

Needs confluent-kafka (pip install confluent-kafka); everything else is Python's own library.
Exit code 0: it ran. 3: it was refused. 1: something else went wrong.
"""
import json, os, sys, time, urllib.parse, urllib.request, uuid
from confluent_kafka import Consumer, Producer

env = os.environ
producer_name, agent = env["COUNTERSIGN_PRODUCER"], env["COUNTERSIGN_AGENT"]
kafka = {
    "bootstrap.servers": env["KAFKA_BROKERS"],
    "security.protocol": "SASL_SSL",
    "ssl.ca.location": env["KAFKA_CA_FILE"],
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": env["KAFKA_USERNAME"],
    "sasl.password": env["KAFKA_PASSWORD"],
}
action = {
    "action": "data.export",
    "target": "customers -> s3://partner-eu",
    "environment": "production",
    "parameters": {"table": "customers", "rows": 4211},
}


def publish(topic, key, event):
    """Returns when the broker has it; a refusal by the broker (another's topic, for instance) ends the program."""
    failures = []
    p = Producer({**kafka, "partitioner": "murmur2_random", "message.timeout.ms": 10_000})
    p.produce(
        topic, key=key, value=json.dumps(event), headers={"content-type": "application/cloudevents+json"},
        on_delivery=lambda err, _msg: failures.append(err) if err else None,
    )
    if p.flush(15) > 0 or failures:
        sys.exit(f"{topic}: {failures[0] if failures else 'no answer'}")


def cloud_event(kind, id, data, **more):
    return {
        "specversion": "1.0", "datacontenttype": "application/json", "source": f"/{producer_name}",
        "id": id, "type": f"dev.countersign.{kind}.v1", "data": data, **more,
    }


def outcome_of(request_id, wait_seconds):
    """The first outcome of the request that is not 'in_review'."""
    consumer = Consumer({**kafka, "group.id": f"{producer_name}.ask.{request_id}", "auto.offset.reset": "earliest"})
    consumer.subscribe([f"countersign.decisions.v1.{producer_name}"])
    until = time.monotonic() + wait_seconds
    try:
        while time.monotonic() < until:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            outcome = json.loads(message.value())["data"]
            if outcome.get("requestId") != request_id:
                continue
            print(f"{outcome['state']:10} {outcome.get('intentId', '')} {outcome.get('code', '')}", flush=True)
            if outcome["state"] != "in_review":
                return outcome
    finally:
        consumer.close()
    sys.exit("no decision in time: that is a no")


def call(url, body=None, token=None, form=None):
    data = urllib.parse.urlencode(form).encode() if form else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data)
    if body is not None:
        request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


request_id = str(uuid.uuid4())
intent = {"agent": {"name": agent}, "executor": {"clientId": env["COUNTERSIGN_CLIENT_ID"]}, **action,
          "rationale": "the partner asked for a refresh"}
publish(f"countersign.intents.v1.{producer_name}", request_id, cloud_event("ActionIntent", request_id, intent))
print(f"asked      {request_id}", flush=True)
outcome = outcome_of(request_id, float(env.get("WAIT_SECONDS", "300")))
if outcome["state"] not in ("allowed", "approved"):
    sys.exit(3)

issuer = env["COUNTERSIGN_ISSUER"]
token = call(call(f"{issuer}/.well-known/openid-configuration")["token_endpoint"], form={
    "grant_type": "client_credentials", "client_id": env["COUNTERSIGN_CLIENT_ID"],
    "client_secret": env["COUNTERSIGN_CLIENT_SECRET"], "resource": env["COUNTERSIGN_AUDIENCE"],
})["access_token"]
url, intent_id = env["COUNTERSIGN_URL"], outcome["intentId"]
grant = call(f"{url}/v1/intents/{intent_id}/grant", {}, token)
redeem = {"token": grant["token"], "redemptionId": str(uuid.uuid4()), **action}
receipt = call(f"{url}/v1/grants/{grant['grantId']}/redeem", redeem, token)
print(f"redeemed   {receipt['receiptId']}", flush=True)

rows = action["parameters"]["rows"]  # here the export would run, and only here

execution = str(uuid.uuid4())
report = {"grantId": grant["grantId"], "executionId": execution, "outcome": "succeeded", "rows": rows}
publish(f"countersign.executions.v1.{producer_name}", intent_id,
        cloud_event("ExecutionReport", execution, report, subject=intent_id))
until = time.monotonic() + 30
while (state := call(f"{url}/v1/intents/{intent_id}", token=token)["state"]) != "succeeded":
    if time.monotonic() > until:
        sys.exit(f"the report has not arrived: {state}")
    time.sleep(0.2)
print(f"succeeded  {rows} rows")
