/** Topics of the bus; a producer's own topics end in its name. */
export const topics = {
  events: 'countersign.events.v1',
  audit: 'countersign.audit.v1',
  checkpoints: 'countersign.checkpoints.v1',
  quarantine: 'countersign.quarantine.v1',
  intents: (producer: string) => `countersign.intents.v1.${producer}`,
  executions: (producer: string) => `countersign.executions.v1.${producer}`,
  decisions: (producer: string) => `countersign.decisions.v1.${producer}`,
} as const

export const groups = {
  policy: 'countersign.policy',
  notifier: 'countersign.notifier',
  ledger: 'countersign.ledger',
  lineage: 'countersign.lineage',
  intake: 'countersign.intake',
} as const
