export { composeLineageProjector, type LineageProjectorDependencies } from './compose-lineage-projector.ts'
export { lineageProjectorConfig, type LineageProjectorConfig } from './lineage-projector.config.ts'
export { migrateLineage } from './migrations/migrate-lineage.ts'
export { rebuildProjections, type RebuildOptions } from './rebuild-projections/rebuild-projections.ts'
