import type { Cursor } from './stream.ts'

/** Before the first event of the store. */
export const storeStart: Cursor = { incarnation: 0, xid: '0', position: 0 }

/** Whether `a` comes before `b` for every reader. */
export function isBefore(a: Cursor, b: Cursor): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation < b.incarnation
  const [xidA, xidB] = [BigInt(a.xid), BigInt(b.xid)]
  return xidA === xidB ? a.position < b.position : xidA < xidB
}
