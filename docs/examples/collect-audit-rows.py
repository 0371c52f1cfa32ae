#!/usr/bin/env python3
"""A SIEM's collector: appends the audit rows of Countersign to a file, one JSON object a line, each once.

Delivery is at least once, so a row that is there already is dropped by its log and `metadata.sequence`. Progress is
committed after the rows are on disk: killed at any moment it goes on without a gap. Stops after IDLE_SECONDS without
a row, or never.
"""
import json, os, time
from confluent_kafka import Consumer

env = os.environ
path, idle = env["AUDIT_FILE"], float(env.get("IDLE_SECONDS", "inf"))


def place(row):
    return row["metadata"]["tenant_uid"], row["metadata"]["sequence"]


seen = set()
if os.path.exists(path):
    with open(path, "rb+") as file:
        whole = file.read()
        file.truncate(whole.rfind(b"\n") + 1)  # a line that a kill cut off comes again
    seen = {place(json.loads(line)) for line in whole[: whole.rfind(b"\n") + 1].splitlines()}

consumer = Consumer({
    "bootstrap.servers": env["KAFKA_BROKERS"], "security.protocol": "SASL_SSL",
    "ssl.ca.location": env["KAFKA_CA_FILE"], "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": env["KAFKA_USERNAME"], "sasl.password": env["KAFKA_PASSWORD"],
    "group.id": env.get("KAFKA_GROUP", "siem.audit"), "auto.offset.reset": "earliest", "enable.auto.commit": False,
    "session.timeout.ms": 10_000,  # how long a collector that was killed keeps its partitions
})
consumer.subscribe(["countersign.audit.v1"])
last = time.monotonic()
with open(path, "ab") as file:
    while time.monotonic() - last < idle:
        messages = [each for each in consumer.consume(500, timeout=0.5) if not each.error()]
        if not messages:
            continue
        last = time.monotonic()
        for message in messages:
            row = json.loads(message.value())
            if place(row) not in seen:
                seen.add(place(row))
                file.write(json.dumps(row).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
        consumer.commit(asynchronous=False)
consumer.close()
print(f"{len(seen)} rows")
