/** Ports of a broker's listeners on 127.0.0.1. */
export interface BrokerPorts {
  /** SASL/SCRAM without TLS: services on this machine, and the broker with itself. */
  readonly scram: number
  /** SASL/SCRAM over TLS. */
  readonly tls: number
  /** Client certificates. */
  readonly mtls: number
  readonly controller: number
}

export const defaultPorts: BrokerPorts = { scram: 9_092, tls: 9_094, mtls: 9_095, controller: 9_093 }

export interface PropertiesOptions {
  readonly ports: BrokerPorts
  readonly dataDir: string
  readonly brokerPassword: string
  readonly brokerPem: string
  readonly caFile: string
}

const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule required'
const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule required'

/**
 * One KRaft node that is broker and controller. The controller's listener authenticates too: with an authorizer its
 * peer would else be anonymous and would have to be a super user.
 */
export const serverProperties = ({ ports, dataDir, brokerPassword, brokerPem, caFile }: PropertiesOptions): string => {
  const asBroker = `username="broker" password="${brokerPassword}"`
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.controller}
listeners=SCRAM://127.0.0.1:${ports.scram},TLS://127.0.0.1:${ports.tls},MTLS://127.0.0.1:${ports.mtls},CONTROLLER://127.0.0.1:${ports.controller}
listener.security.protocol.map=SCRAM:SASL_PLAINTEXT,TLS:SASL_SSL,MTLS:SSL,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=SCRAM
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=${plainLogin} ${asBroker} user_broker="${brokerPassword}";
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=${scramLogin} ${asBroker};
listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.tls.scram-sha-512.sasl.jaas.config=${scramLogin};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:admin
listener.name.mtls.ssl.client.auth=required
listener.name.mtls.ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/,DEFAULT
ssl.keystore.type=PEM
ssl.keystore.location=${brokerPem}
ssl.truststore.type=PEM
ssl.truststore.location=${caFile}
log.dirs=${dataDir}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
group.coordinator.append.linger.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=4194304
auto.create.topics.enable=false
`
}
