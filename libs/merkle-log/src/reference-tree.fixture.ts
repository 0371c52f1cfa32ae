import { createHash } from 'node:crypto'

/**
 * The definitions of RFC 6962 §2.1 as they stand there, for the specs to hold the fast code against. Shares no code
 * with it. The entries are the decimal indexes.
 */
const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

const known = new Map<number, Buffer>()

const split = (count: number): number => {
  let k = 1
  while (k * 2 < count) k *= 2
  return k
}

export const entryAt = (index: number): Buffer => Buffer.from(`entry ${index}`)

/** MTH(D[start:end]). */
export const treeHash = (start: number, end: number): Buffer => {
  const key = start * 65_536 + end
  const hash = known.get(key) ?? computeTreeHash(start, end)
  known.set(key, hash)
  return hash
}

const computeTreeHash = (start: number, end: number): Buffer => {
  if (start === end) return sha256()
  if (end - start === 1) return sha256(Buffer.of(0), entryAt(start))
  const k = split(end - start)
  return sha256(Buffer.of(1), treeHash(start, start + k), treeHash(start + k, end))
}

/** PATH(index, D[start:end]). */
export const path = (index: number, start: number, end: number): Buffer[] => {
  if (end - start === 1) return []
  const k = split(end - start)
  return index < k
    ? [...path(index, start, start + k), treeHash(start + k, end)]
    : [...path(index - k, start + k, end), treeHash(start, start + k)]
}

/** PROOF(from, D[0:to]). */
export const proof = (from: number, to: number): Buffer[] => subproof(from, { start: 0, end: to, whole: true })

const subproof = (from: number, { start, end, whole }: { start: number; end: number; whole: boolean }): Buffer[] => {
  if (from === end - start) return whole ? [] : [treeHash(start, end)]
  const k = split(end - start)
  return from <= k
    ? [...subproof(from, { start, end: start + k, whole }), treeHash(start + k, end)]
    : [...subproof(from - k, { start: start + k, end, whole: false }), treeHash(start, start + k)]
}

/** Tile as tlog-tiles defines it: tree hashes of consecutive runs of 256^level entries. */
export const tile = (level: number, index: number, width: number): Buffer => {
  const run = 256 ** level
  const first = index * 256
  return Buffer.concat(Array.from({ length: width }, (_, at) => treeHash((first + at) * run, (first + at + 1) * run)))
}

export const leafHashesUpTo = (size: number): Buffer[] => Array.from({ length: size }, (_, at) => treeHash(at, at + 1))
