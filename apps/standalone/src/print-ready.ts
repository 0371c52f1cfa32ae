import { relative } from 'node:path'
import { demoPeople, demoWorld } from './demo-world.ts'
import type { StepPrinter } from './print-steps.ts'
import type { Instance } from './run-instance.ts'

/**
 * Prints what a newcomer needs next: addresses, who is there, one command to paste. No secret is printed but the freeze
 * credential, once, when it was made: it is kept nowhere.
 */
export const printReady = (instance: Instance, print: StepPrinter): void => {
  const { baseUrl, issuer, slackUrl, dataDir, layout, certificatesUrl } = instance
  const { bold, cyan } = {
    bold: (text: string) => print.paint('bold', text),
    cyan: (text: string) => print.paint('cyan', text),
  }
  const credentials = relative(process.cwd(), dataDir.credentialsFile)
  print.line()
  print.line(`${bold('Countersign is ready')} after ${print.elapsed()}. ${layout}`)
  print.line()
  print.line(`  API                 ${cyan(baseUrl)}`)
  if (certificatesUrl !== undefined)
    print.line(`  client certificates ${cyan(certificatesUrl)}   mutual TLS; countersign exec --certificate`)
  print.line(`  demo Slack          ${cyan(slackUrl)}   cards appear in #${demoWorld.slackChannel.name}`)
  print.line(`  identity provider   ${cyan(issuer)}`)
  print.line(
    `  people              ${demoPeople.map((sub) => demoWorld.people[sub].name).join(' (owns the agent) and ')}`,
  )
  print.line(`  agent               ${demoWorld.agent}`)
  print.line(`  secrets             ${credentials} (0600, generated)`)
  if (dataDir.freezeCredential !== undefined) {
    print.line()
    print.line(`  freeze credential   ${bold(dataDir.freezeCredential)}`)
    print.line(
      '                      shown this once: it stops every grant without a sign-in (countersign freeze --help)',
    )
  }
  print.line()
  print.line('Try, in another terminal:')
  print.line()
  print.line('  npm run demo')
  print.line()
  print.line(
    `  curl -s ${baseUrl}/v1/intents -H "authorization: Bearer $(npx countersign token --agent ${demoWorld.agent})" \\`,
  )
  print.line(`    -H 'content-type: application/json' -H "idempotency-key: $RANDOM$RANDOM" \\`)
  print.line(
    `    -d '{"agent":{"name":"${demoWorld.agent}"},"action":"data.export","target":"customers -> s3://partner-eu","environment":"production","parameters":{"table":"customers"},"rationale":"partner asked for a refresh"}'`,
  )
  print.line()
  print.line('Ctrl-C stops it; started again, everything is still there.')
}
