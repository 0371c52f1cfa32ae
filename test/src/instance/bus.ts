/** The buses that a story can run on. */
export const busNames = ['postgres', 'kafka'] as const
export type BusName = (typeof busNames)[number]

/** What a story can do to the bus of a running instance, and ask it. */
export interface Bus {
  /** Takes the bus away from everybody, and brings it back. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Records that any group has not taken yet. */
  behind(): Promise<number>
  /** Lets every group read from the beginning. */
  rewind(): Promise<void>
  /** Records that the topic has had. */
  count(topic: string): Promise<number>
  /** Records of all topics whose value holds the text. */
  holding(text: string): Promise<number>
}
