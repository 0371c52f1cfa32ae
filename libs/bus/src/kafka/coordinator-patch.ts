import errors from 'kafkajs/src/errors.js'

/**
 * Lets kafkajs 2.2.4 look again for the coordinator of a group. A broker that stops in order closes its connections while it is
 * asked, every broker of the list is then passed over, and kafkajs calls that an error that nothing can be done about: the
 * consumer ends for good, although the broker may be back in a second. Safe to repeat; answers whether the class was found as
 * expected.
 */
export const lookAgainForCoordinators = (): boolean => {
  const NotFound = errors.KafkaJSGroupCoordinatorNotFound
  if (NotFound === undefined) return false
  // Its constructor assigns the property, so the answer has to be above the instance and keep what is assigned away.
  Object.defineProperty(NotFound.prototype, 'retriable', {
    get: () => true,
    set: (assigned: boolean) => {
      void assigned
    },
    configurable: true,
  })
  return new NotFound('none').retriable
}
