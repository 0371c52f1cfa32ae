import { type DynamicModule, Module } from '@nestjs/common'
import { FindReciprocityController } from './find-reciprocity/find-reciprocity.controller.ts'
import { QueryAuditController } from './query-audit/query-audit.controller.ts'
import { QueryLineageController } from './query-lineage/query-lineage.controller.ts'
import { READING, type Reading } from './reading.ts'
import { TellStoryController } from './tell-story/tell-story.controller.ts'

/** The read side over HTTP. */
@Module({})
export class LineageProjectorModule {
  static over(reading: Reading): DynamicModule {
    return {
      module: LineageProjectorModule,
      controllers: [QueryLineageController, QueryAuditController, FindReciprocityController, TellStoryController],
      providers: [{ provide: READING, useValue: reading }],
    }
  }
}
