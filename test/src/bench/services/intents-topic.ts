/** Topic of the bench with the same intents that the product gets: what the yardsticks read. */
export const intentsTopic = 'bench.intents'
