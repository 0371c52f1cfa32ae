import type { ConnectedFeed, DisconnectedFeed, FeedView } from '@countersign/contracts'
import { type Command, Option } from 'commander'
import { duration, examples, type Register } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import {
  asPerson,
  callAs,
  type ChangeOptions,
  openChangeLines,
  type PersonOptions,
  withReason,
} from '../keep-registers/asked-by-person.ts'
import { reviewEntry } from '../keep-registers/entry-commands.ts'
import { plain, span } from '../print/words.ts'

/** `countersign seats scim`, `connect-scim`, `disconnect-scim` and `review-scim`: who keeps the directory. */
export const feedCommands: Register = (seats: Command, context, finish) => {
  connectScim(seats, context, finish)
  showScim(seats, context, finish)
  disconnectScim(seats, context, finish)
  reviewEntry(seats, { context, finish, kind: 'feed', path: '/v1/directory/feed' })
}

const showScim: Register = (seats, context, finish) => {
  const { terminal } = context
  asPerson(seats.command('scim'))
    .summary('when the directory was heard of, and who connected it')
    .action(async (options: PersonOptions) => {
      const { call } = await callAs(options, context)
      const feed = await call<FeedView>('/v1/directory/feed')
      if (options.json === true) terminal.out(JSON.stringify(feed, null, 2))
      else {
        const { issuer, subjectFrom, maxAgeMs, seenAt, stale, connectedBy, connectedAt } = feed
        terminal.out(`issuer         ${plain(issuer)}, sub from ${subjectFrom}`)
        terminal.out(`heard of       ${seenAt}${stale ? ', STALE: nothing is decided by it' : ''}`)
        terminal.out(`may be silent  ${maxAgeMs === null ? 'for ever' : span(maxAgeMs)}`)
        terminal.out(`connected      ${connectedAt} by ${connectedBy}`)
        for (const line of openChangeLines(feed.openChanges, 'countersign seats review-scim')) terminal.out(line)
      }
      finish(feed.stale ? exitCodes.refused : exitCodes.ok)
    })
}

type FeedOptions = ChangeOptions & {
  readonly issuer?: string
  readonly subjectFrom: string
  readonly maxAge?: number
}

const connectScim: Register = (seats, context, finish) => {
  const { terminal } = context
  withReason(asPerson(seats.command('connect-scim')))
    .summary('let the identity provider keep people and groups by SCIM')
    .description(
      'Prints the address and the credential for the provider: once, only its hash is kept. Running it again makes a new\ncredential and ends the one before. From then on groups change only by SCIM; push operators and security-admins too.',
    )
    .option('--issuer <url>', 'issuer whose subjects the people are; that of the deployment if absent')
    .addOption(
      new Option('--subject-from <attribute>', 'attribute of a user that the issuer puts into sub')
        .choices(['externalId', 'userName'])
        .default('externalId'),
    )
    .option('--max-age <duration>', 'how long it may be silent before nothing is decided, such as 4h', duration)
    .addHelpText(
      'after',
      examples('countersign seats connect-scim --max-age 4h --reason "people are kept in Entra" --as olga'),
    )
    .action(async (options: FeedOptions) => {
      const { call, baseUrl, issuer } = await callAs(options, context)
      const { subjectFrom, maxAge: maxAgeMs, reason } = options
      const body = { issuer: options.issuer ?? issuer(), subjectFrom, maxAgeMs, reason }
      const { token, path } = await call<ConnectedFeed>('/v1/directory/feed', { method: 'POST', body })
      const url = `${baseUrl.replace(/\/+$/, '')}${path}`
      if (options.json === true) terminal.out(JSON.stringify({ url, token }))
      else {
        terminal.out(`address     ${url}`)
        terminal.out(`credential  ${token}`)
        terminal.err('The credential is not shown again.')
      }
      finish(exitCodes.ok)
    })
}

const disconnectScim: Register = (seats, context, finish) => {
  const { terminal } = context
  withReason(asPerson(seats.command('disconnect-scim')))
    .summary('end the feed: operators keep people and groups again')
    .description('The credential is worth nothing from then on. People and groups stay as they were pushed last.')
    .action(async (options: ChangeOptions) => {
      const { call } = await callAs(options, context)
      const body = { reason: options.reason }
      const ended = await call<DisconnectedFeed>('/v1/directory/feed/disconnect', { method: 'POST', body })
      if (options.json === true) terminal.out(JSON.stringify(ended))
      else {
        terminal.out('the directory is kept by operators again')
        for (const line of openChangeLines(ended.openChanges, 'countersign seats review-scim')) terminal.out(line)
      }
      finish(exitCodes.ok)
    })
}
