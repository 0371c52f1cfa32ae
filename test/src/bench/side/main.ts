import type { OpenSide } from './side.ts'
import type { Answer, Question } from './side-process.ts'

/** One side of a comparison as a process of its own; `startSide` starts it. Each loads only what it is made of. */
const sides = {
  'raw-consumer': () => import('../kafka/raw-consumer.ts'),
  'transport-consumer': () => import('../kafka/transport-consumer.ts'),
  'stock-consumer': () => import('../kafka/stock-consumer.ts'),
  'direct-sender': () => import('../kafka/direct-sender.ts'),
  'bus-sender': () => import('../kafka/bus-sender.ts'),
  'three-hop-chain': () => import('../services/three-hop-chain.ts'),
  'first-version': () => import('../services/first-version.ts'),
  'ledger-append': () => import('../ledger/ledger-append.ts'),
  'copied-rows': () => import('../ledger/copied-rows.ts'),
  'saved-rows': () => import('../ledger/saved-rows.ts'),
}

export type SideName = keyof typeof sides

const isSide = (name: string): name is SideName => Object.hasOwn(sides, name)

const [, , name = '', options = '{}'] = process.argv
if (!isSide(name) || process.send === undefined) throw new Error('a side is started by the bench')
const { open } = (await sides[name]()) as { open: OpenSide<unknown, unknown> }
const side = await open(JSON.parse(options))

const answer = (sent: Answer): void => void process.send?.(sent)
process.on('message', ({ id, input }: Question) => {
  side.round(input).then(
    (round) => answer({ id, round }),
    (error: Error) => answer({ id, error: error.stack ?? error.message }),
  )
})
process.once('disconnect', () => {
  void side.close().finally(() => process.exit())
})
answer({ id: 0 })
