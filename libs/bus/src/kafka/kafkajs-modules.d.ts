// The modules of kafkajs 2.2.4 that the driver changes in place, as far as it uses them. kafkajs publishes no types for them,
// and its package declares no `exports` that would forbid the paths. Each is the module's own object: what is changed in it
// is changed for kafkajs, in a process of modules and in a bundle alike.

declare module 'kafkajs/src/errors.js' {
  const errors: {
    readonly KafkaJSGroupCoordinatorNotFound?: new (message: string) => Error & { readonly retriable: boolean }
  }
  export default errors
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface RequestQueue {
    readonly pending: readonly unknown[]
    scheduleCheckPendingRequests: (this: RequestQueue) => void
    [patched: symbol]: true
  }
  const requestQueue: { readonly prototype: RequestQueue }
  export default requestQueue
}

declare module 'kafkajs/src/protocol/encoder.js' {
  interface Encoded {
    writeBuffer(bytes: Buffer): Encoded
  }
  const Encoder: new (size: number) => Encoded
  export default Encoder
}

declare module 'kafkajs/src/protocol/requests/fetch/index.js' {
  const fetch: {
    protocol: (choice: { readonly version: number }) => unknown
    [patched: symbol]: true
  }
  export default fetch
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode: (bytes: Buffer) => Promise<unknown> }
  export default response
}

declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  const produce: {
    protocol: (choice: { readonly version: number }) => (call: import('./produce/produce-request.ts').ProduceCall) => {
      readonly request: { encode: () => Promise<unknown> }
    }
    [patched: symbol]: true
  }
  export default produce
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: { readonly JoinGroup: number; readonly LeaveGroup: number }
  export default apiKeys
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  const protocol: { readonly requests: { readonly JoinGroup: object; readonly LeaveGroup: object } }
  export default protocol
}

declare module 'kafkajs/src/broker/index.js' {
  export interface JoinCall {
    readonly groupId: string
    /** Empty for whoever has none yet. */
    readonly memberId: string
  }
  interface Sender {
    send(request: object): Promise<unknown>
  }
  export interface BrokerNode {
    readonly connectionPool: Sender & {
      readonly socketFactory: import('kafkajs').ISocketFactory
      getConnection(index: number): Promise<Sender>
    }
    readonly lookupRequest: (apiKey: number, definitions: object) => (call: object) => object
    joinGroup: (this: BrokerNode, call: JoinCall) => Promise<unknown>
    disconnect(): Promise<void>
    [patched: symbol]: true
  }
  const Broker: { readonly prototype: BrokerNode }
  export default Broker
}
