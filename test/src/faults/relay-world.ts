import { randomBytes } from 'node:crypto'
import { type Bus, migrateBus } from '@countersign/bus'
import { topics } from '@countersign/contracts'
import { eventStore, type MarkFolder, markFolder, newId, type StreamRef } from '@countersign/event-store'
import { freshStore, type SpecStore } from '@countersign/event-store/spec-store'
import { migrateRelay } from '@countersign/relay'
import { readEventRecord } from '@countersign/service-kit'
import pg from 'pg'
import { until } from '../instance/until.ts'
import { ServiceProcess } from '../instance/service-process.ts'

/** Streams of one append, and events of each: 500 together, the most that one append takes. */
const streamsAtOnce = 50
const eventsOfEach = 10
const withinMs = 120_000

/** How a relay and this process get onto the bus. */
export type BusUnderTest = {
  readonly settings: Readonly<Record<string, string>>
  readonly open: (pool: pg.Pool) => Promise<{ readonly bus: Bus; readonly close: () => Promise<void> }>
}

type Seen = { readonly eventId: string; readonly streamId: string; readonly version: number }

// Whoever moves the cursor back is remembered, however briefly.
const watchCursor = `
create table public.moved_back (at timestamptz default now());
create function public.note_move_back() returns trigger language plpgsql security definer as $$
begin
  insert into public.moved_back default values;
  return new;
end
$$;
create trigger note_move_back before update on relay.lease for each row
  when ((new.incarnation, new.xid, new.position) < (old.incarnation, old.xid, old.position))
  execute function public.note_move_back();
`

/** A store, a bus with a reader on it, and relays as processes between them. */
export const relayWorld = async ({ settings, open }: BusUnderTest) => {
  const store: SpecStore = await freshStore()
  await migrateRelay(store.urlOf('owner'))
  const owner = new pg.Client({ connectionString: store.urlOf('owner') })
  await owner.connect()
  await migrateBus(owner, { services: ['countersign_relay'] })
  await owner.end()
  await store.superuser.query(watchCursor)
  const { bus, close } = await open(store.poolOf('relay'))
  const seen: Seen[] = []
  await bus.subscribe({
    group: `faults-${newId()}`,
    topics: [topics.events],
    handle: async ({ records }) => {
      for (const record of records) {
        const event = readEventRecord(record)
        // Others may share the topic.
        if (event?.tenantId === store.tenantId) seen.push(event)
      }
      return 'done'
    },
  })
  const key = Buffer.from(store.markSettings.STORE_MARK_KEY, 'base64url')
  const marks: Pick<MarkFolder, 'read'> = markFolder(store.markSettings.STORE_MARK_DIR, { key, writer: 'spec' })
  const events = eventStore(store.poolOf('intake'), { metadata: { service: 'intake' } })
  const macKey = randomBytes(32).toString('base64url')
  const started: ServiceProcess[] = []
  const expected: string[] = []

  const startRelay = async (): Promise<ServiceProcess> => {
    const relay = await ServiceProcess.start('relay', {
      DATABASE_URL: store.urlOf('relay'),
      BUS_MAC_KEY: macKey,
      ...store.markSettings,
      ...settings,
    })
    started.push(relay)
    return relay
  }

  /** Appends this many events, ten to a stream; a multiple of 10. */
  const append = async (count: number): Promise<string[]> => {
    const ids: string[] = []
    for (let left = count / eventsOfEach; left > 0; left -= streamsAtOnce) {
      const commands = Array.from({ length: Math.min(left, streamsAtOnce) }, () => ({
        streams: [{ kind: 'attempts', streamId: newId(), tenantId: store.tenantId } satisfies StreamRef] as const,
      }))
      const outcomes = await events.executeBatch(commands, {
        decide: ({ streams: [stream] }) => {
          const event = { type: 'ActionIntentRefused' as const, data: { producer: 'etl', code: 'spec', count: 1 } }
          return { append: [{ stream, events: Array.from({ length: eventsOfEach }, () => event) }], answer: 0 }
        },
      })
      for (const outcome of outcomes) {
        if (outcome.status === 'failed') throw outcome.error
        ids.push(...outcome.events.map(({ eventId }) => eventId))
      }
    }
    expected.push(...ids)
    return ids
  }

  const everything = (): Promise<true> => {
    const missing = (): number => {
      const there = new Set(seen.map(({ eventId }) => eventId))
      return expected.filter((id) => !there.has(id)).length
    }
    return until(async () => missing() === 0 || undefined, { what: 'the last event', withinMs })
  }

  return {
    store,
    marks,
    seen,
    startRelay,
    append,
    /** Resolves when more was seen than is given. */
    more: (than: number) => until(async () => seen.length > than || undefined, { what: 'another record', withinMs }),
    /** Resolves when everything that was appended was seen. */
    everything,
    /** What is wrong with what was seen: lost events, and streams whose events were first seen in another order. */
    problems: async (): Promise<string[]> => {
      const firsts = [...new Map(seen.map((event) => [event.eventId, event])).values()]
      const there = new Set(firsts.map(({ eventId }) => eventId))
      const inverted = [...Map.groupBy(firsts, ({ streamId }) => streamId)].filter(
        ([, events]) => !events.every(({ version }, place) => version === place + 1),
      )
      const { rowCount } = await store.superuser.query('select from public.moved_back')
      return [
        ...expected.filter((id) => !there.has(id)).map((id) => `${id} was lost`),
        ...inverted.map(([streamId]) => `${streamId} was seen out of order`),
        ...(rowCount === 0 ? [] : ['the cursor was moved back']),
      ]
    },
    cursor: async () => {
      const { rows } = await store.superuser.query<{ holder: string | null; position: string }>(
        'select holder, position from relay.lease',
      )
      return { holder: rows[0]?.holder ?? null, position: Number(rows[0]?.position) }
    },
    /** Ends every relay that still runs. */
    stopRelays: async () => {
      for (const relay of started.splice(0)) await relay.kill()
    },
    close: async () => {
      for (const relay of started) await relay.kill()
      await close()
      await store.drop()
    },
  }
}

export type RelayWorld = Awaited<ReturnType<typeof relayWorld>>
