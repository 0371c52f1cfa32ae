import { isRefusal, type Refusal, type RefusalCode } from '@countersign/contracts'
import { expect } from 'vitest'

type Decider<State, Command, Event> = {
  readonly decide: (command: Command, state: State) => Event[] | Refusal
  readonly evolve: (state: State, event: Event) => State
  readonly initialState: State
}

/**
 * Given/when/then for a decider: `given(events).when(command)` then one of `then(types)`, `thenNothing()`,
 * `thenRefuses(code)`. `events()` hands on the history with what the command added.
 */
export const deciderSpec = <State, Command, Event extends { type: string }>(
  decider: Decider<State, Command, Event>,
) => ({
  given: (...history: Event[]) => ({
    when: (command: Command) => {
      const outcome = decider.decide(command, history.reduce(decider.evolve, decider.initialState))
      return {
        then: (...types: Event['type'][]) =>
          expect(isRefusal(outcome) ? outcome.code : outcome.map(({ type }) => type)).toEqual(types),
        thenNothing: () => expect(outcome).toEqual([]),
        thenRefuses: (code: RefusalCode) => expect(isRefusal(outcome) ? outcome.code : outcome).toBe(code),
        outcome,
        events: (): Event[] => [...history, ...(isRefusal(outcome) ? [] : outcome)],
      }
    },
  }),
})
