import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { javaArguments } from './broker-process.ts'

const run = promisify(execFile)

/** Runs a program of Kafka's jars. What it prints can hold passwords, so a failure tells only that it failed. */
export const runJava = async (jars: string, main: string, args: readonly string[]): Promise<void> => {
  try {
    await run('java', [...javaArguments(jars, [], main), ...args])
  } catch (error) {
    const { code } = error as { readonly code?: number | string }
    throw new Error(`${main} failed with ${code ?? 'a signal'}`)
  }
}
