import { spawnSync } from 'node:child_process'

const runs = (program: string, argument: string): boolean => spawnSync(program, [argument]).status === 0

/**
 * Why this test run leaves the specs on Kafka out; undefined when it has them. They run against `KAFKA_BROKERS`, and
 * with `REQUIRE_KAFKA=1` against a broker of the run's own, which needs Java and Maven.
 */
export const withoutKafka = (env: NodeJS.ProcessEnv = process.env): string | undefined => {
  if (env.KAFKA_BROKERS) return undefined
  if (env.REQUIRE_KAFKA !== '1') return 'Set REQUIRE_KAFKA=1 (needs Java 17 and Maven) or KAFKA_BROKERS to run them.'
  const missing = [runs('java', '-version') ? '' : 'Java', runs('mvn', '--version') ? '' : 'Maven'].filter(Boolean)
  if (missing.length > 0) throw new Error(`REQUIRE_KAFKA=1, but ${missing.join(' and ')} are missing here`)
  return undefined
}
