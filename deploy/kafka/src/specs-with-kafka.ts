import { spawnSync } from 'node:child_process'

const runs = (program: string, argument: string): boolean => spawnSync(program, [argument]).status === 0

/**
 * Why this test run leaves the specs on Kafka out; undefined when it has them. They run against `KAFKA_BROKERS`, else
 * against a broker of the run's own, which needs Java and Maven; with `REQUIRE_KAFKA=1` they are never left out.
 *
 * @throws Error when they are required and cannot run here
 */
export const withoutKafka = (env: NodeJS.ProcessEnv = process.env, isThere = runs): string | undefined => {
  if (env.KAFKA_BROKERS) return undefined
  const missing = [isThere('java', '-version') ? '' : 'Java', isThere('mvn', '--version') ? '' : 'Maven'].filter(
    Boolean,
  )
  if (missing.length === 0) return undefined
  const lacking = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing here`
  if (env.REQUIRE_KAFKA === '1') throw new Error(`REQUIRE_KAFKA=1, but ${lacking}`)
  return `They need Java 17 and Maven, or a broker in KAFKA_BROKERS; ${lacking}.`
}
