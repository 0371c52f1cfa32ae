export { checkLog, type CheckedLog, type KnownHead, leafHashesOf, type LogCheck, type LogFinding } from './check-log.ts'
export {
  type Checkpoint,
  type CheckpointRefusal,
  formatCheckpoint,
  openCheckpoint,
  type OpenedCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  type TrustedLog,
  verifyGrowth,
} from './checkpoint.ts'
export { decodeEntryBundle, encodeEntryBundle, MAX_ENTRY_BYTES } from './entry-bundle.ts'
export { type Appended, appendLeaves, rootFromFrontier, type TileAppend } from './frontier.ts'
export { type Checked, emptyRoot, HASH_BYTES, leafHash, nodeHash } from './hash.ts'
export {
  isKeyName,
  noteSigner,
  type NoteSigner,
  type NoteVerifier,
  parseVerifierKey,
  underName,
  type VerifierKeyRefusal,
  verifierOf,
} from './note-key.ts'
export { consistencyProof, inclusionProof, type ReadTile, rootFromTiles, TileTooShort } from './proof.ts'
export {
  MAX_NOTE_BYTES,
  MAX_NOTE_SIGNATURES,
  type Note,
  type NoteRefusal,
  type NoteSignature,
  openNote,
  type OpenedNote,
  parseNote,
  signNote,
} from './signed-note.ts'
export { parseTilePath, TILE_HEIGHT, TILE_WIDTH, type TileCoordinates, tilePath, tilesOf, tileWidth } from './tile.ts'
export {
  formatTlogProof,
  parseTlogProof,
  type TlogProof,
  type TlogProofRefusal,
  type VerifiedTlogProof,
  verifyTlogProof,
} from './tlog-proof.ts'
export {
  type ConsistencyClaim,
  type InclusionClaim,
  type ProofRefusal,
  verifyConsistency,
  verifyInclusion,
} from './verify-proof.ts'
