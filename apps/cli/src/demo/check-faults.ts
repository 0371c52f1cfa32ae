import { failureOf } from '../exit-codes.ts'
import type { Terminal } from '../terminal.ts'
import { type Fault, faultNames, faults } from './faults.ts'

/** Plays the demo without printing it; rejects when it stops. */
export type Play = (fault: Fault | undefined) => Promise<void>

/** What came of playing the demo with a fault, or without one. */
export type Check = { readonly name: string; readonly passed: boolean; readonly told: string }

/** Whether the demo stops at the very step that the fault is seeded in. */
export const checkFault = async (fault: Fault, play: Play): Promise<Check> => {
  const { noticedAt } = faults[fault]
  try {
    await play(fault)
    return { name: fault, passed: false, told: 'NOT NOTICED' }
  } catch (error) {
    const { message, why = '' } = failureOf(error)
    const told = `${message.replace('the demo stopped: ', '')} (${why})`
    return { name: fault, passed: message.startsWith(`the demo stopped: ${noticedAt}`), told }
  }
}

const checkGood = async (name: string, play: Play): Promise<Check> => {
  try {
    await play(undefined)
    return { name, passed: true, told: 'everything happened' }
  } catch (error) {
    const { message, why = '' } = failureOf(error)
    return { name, passed: false, told: `${message} (${why})` }
  }
}

/** Plays the demo as it is, with each fault, and as it is again. Resolves with whether all of it went as it should. */
export const checkFaults = async (play: Play, terminal: Terminal): Promise<boolean> => {
  const checks: Check[] = []
  const say = (check: Check): void => {
    checks.push(check)
    terminal.out(`${check.passed ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(22)} ${check.told}`)
  }
  say(await checkGood('without a fault', play))
  for (const fault of faultNames) say(await checkFault(fault, play))
  say(await checkGood('without a fault, again', play))
  const passed = checks.filter((check) => check.passed).length
  terminal.out(`${passed} passed, ${checks.length - passed} failed`)
  return passed === checks.length
}
