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

/** Host names of a broker that other machines or containers reach. */
export interface BrokerHosts {
  /** Where the client listeners listen; empty for every address. */
  readonly listen: string
  /** What SCRAM clients without TLS are told, as `host:port`. */
  readonly scram: string
  readonly tls: string
  readonly mtls: string
}

const loopbackHosts = ({ scram, tls, mtls }: BrokerPorts): BrokerHosts => ({
  listen: '127.0.0.1',
  scram: `127.0.0.1:${scram}`,
  tls: `127.0.0.1:${tls}`,
  mtls: `127.0.0.1:${mtls}`,
})

export interface PropertiesOptions {
  readonly ports: BrokerPorts
  /** Loopback only when absent. */
  readonly hosts?: BrokerHosts
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
export const serverProperties = (options: PropertiesOptions): string => {
  const { ports, dataDir, brokerPassword, brokerPem, caFile } = options
  const { listen, ...told } = options.hosts ?? loopbackHosts(ports)
  const asBroker = `username="broker" password="${brokerPassword}"`
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.controller}
listeners=SCRAM://${listen}:${ports.scram},TLS://${listen}:${ports.tls},MTLS://${listen}:${ports.mtls},CONTROLLER://127.0.0.1:${ports.controller}
advertised.listeners=SCRAM://${told.scram},TLS://${told.tls},MTLS://${told.mtls}
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
