import { describe, expect, it } from 'vitest'
import { withoutKafka } from './specs-with-kafka.ts'

const nowhere = () => false
const everywhere = () => true
const onlyJava = (program: string) => program === 'java'

describe('the specs on Kafka', () => {
  it('run where Java and Maven are, and against a broker that is named', () => {
    expect(withoutKafka({}, everywhere)).toBeUndefined()
    expect(withoutKafka({ KAFKA_BROKERS: 'one:9092' }, nowhere)).toBeUndefined()
  })

  it('are left out elsewhere, with the reason', () => {
    expect(withoutKafka({}, nowhere)).toContain('Java and Maven are missing here')
    expect(withoutKafka({}, onlyJava)).toContain('Maven is missing here')
  })

  it('are never left out where they are required', () => {
    expect(() => withoutKafka({ REQUIRE_KAFKA: '1' }, nowhere)).toThrow('Java and Maven')
  })
})
