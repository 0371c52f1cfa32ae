import type { ISocketFactory } from 'kafkajs'
import Broker, { type BrokerNode, type JoinCall } from 'kafkajs/src/broker/index.js'
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js'
import protocol from 'kafkajs/src/protocol/requests/index.js'

const patched = Symbol.for('countersign.kafkajs.join-patch')

/** As whom a client's consumer has joined its group, answered or not: the member that the group may be waiting for. */
interface Join {
  readonly broker: BrokerNode
  readonly groupId: string
  readonly memberId: string
}

const joins = new WeakMap<ISocketFactory, Join>()

/** Who is told when the consumer of a client has joined, as a new member too: of that kafkajs says nothing. */
const listeners = new WeakMap<ISocketFactory, () => void>()

/** Has somebody told of each join of the consumer of the client with these sockets, before the group answers. */
export const whenJoining = (sockets: ISocketFactory, tell: () => void): void => {
  listeners.set(sockets, tell)
}

/** Clients whose consumer has left, or is about to: they join nothing any more. */
const left = new WeakSet<ISocketFactory>()

const refuseLeft = ({ connectionPool: { socketFactory } }: BrokerNode): void => {
  if (left.has(socketFactory)) throw new Error('the consumer has left')
}

/**
 * Has kafkajs 2.2.4 say as whom it joins a group. It keeps its id to itself until the group has answered, which takes as long
 * as the group waits for others; whoever gives up meanwhile could not leave, and the group would wait for them in turn. Safe
 * to repeat; answers whether the class was found as expected.
 */
export const noteJoins = (): boolean => {
  const { prototype } = Broker
  if (prototype[patched] === true) return true
  const { joinGroup } = prototype
  if (typeof joinGroup !== 'function' || typeof prototype.disconnect !== 'function') return false
  const joinAs = (broker: BrokerNode, call: JoinCall, memberId: string): Promise<unknown> => {
    refuseLeft(broker)
    const { socketFactory } = broker.connectionPool
    joins.set(socketFactory, { broker, groupId: call.groupId, memberId })
    listeners.get(socketFactory)?.()
    return joinGroup.call(broker, { ...call, memberId })
  }
  prototype.joinGroup = async function (this: BrokerNode, call: JoinCall): Promise<unknown> {
    if (call.memberId !== '') return joinAs(this, call, call.memberId)
    refuseLeft(this)
    try {
      return await askToJoin(this, call)
    } catch (error) {
      const { name, memberId } = error as { readonly name?: string; readonly memberId?: string }
      if (name === 'KafkaJSMemberIdRequired' && memberId !== undefined) return joinAs(this, call, memberId)
      if (name === 'KafkaJSConnectionClosedError') await this.disconnect()
      throw error
    }
  }
  prototype[patched] = true
  return true
}

/** The first half of a join. A group of now answers with an id for the second one; one of long ago lets anybody in at once. */
const askToJoin = (broker: BrokerNode, call: JoinCall): Promise<unknown> => {
  const join = broker.lookupRequest(apiKeys.JoinGroup, protocol.requests.JoinGroup)
  return broker.connectionPool.send(join({ ...call, memberId: '', protocolType: 'consumer' }))
}

/**
 * Leaves the group that the consumer of the client with these sockets joins, on the connection for its fetches: on the other one
 * a broker answers nothing before the join. Nothing where the group has given it no id. A join that comes later is not sent: the
 * group would not know the member any more, and kafkajs come back as another one, whom nobody takes out.
 */
export const leaveJoined = async (sockets: ISocketFactory): Promise<void> => {
  left.add(sockets)
  const join = joins.get(sockets)
  if (join === undefined) return
  const { broker, groupId, memberId } = join
  const connection = await broker.connectionPool.getConnection(1)
  const leave = broker.lookupRequest(apiKeys.LeaveGroup, protocol.requests.LeaveGroup)
  await connection.send(leave({ groupId, memberId }))
}
