/** The people, agents and clients that the embedded default starts with. */
export const demoWorld = {
  tenant: 'default',
  replayTenant: 'replay',
  audience: 'urn:countersign:api',
  cliClientId: 'countersign-cli',
  pagesClientId: 'countersign-pages',
  slackTeam: 'T0LOOP',
  slackChannel: { id: 'C0DATAAPPROVALS', name: 'data-approvals' },
  producer: 'etl',
  agent: 'etl-bot',
  people: {
    dana: { name: 'Dana Okafor', email: 'dana@example.com', slackUser: 'U0DANA' },
    ben: { name: 'Ben Ito', email: 'ben@example.com', slackUser: 'U0BEN' },
  },
  groups: {
    'data-owners': ['dana', 'ben'],
    'security-admins': ['dana', 'ben'],
    'platform-owners': ['dana', 'ben'],
    auditors: ['ben'],
    analysts: ['dana', 'ben'],
    operators: ['ben'],
  },
} as const

export type DemoPerson = keyof typeof demoWorld.people
export const demoPeople = Object.keys(demoWorld.people) as DemoPerson[]
