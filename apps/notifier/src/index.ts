export { type Change } from './keep-directory/change.ts'
export { ChangeGroup, type ChangeGroupCommand } from './keep-directory/change-group.handler.ts'
export {
  type RegisteredPerson,
  RegisterPerson,
  type RegisterPersonCommand,
} from './keep-directory/register-person.handler.ts'
export { LinkAccount, type LinkAccountCommand, type LinkedAccount } from './link-account/link-account.handler.ts'
export { migrateNotifier } from './migrate-notifier.ts'
export { type NotifierConfig, notifierConfig } from './notifier.config.ts'
export { type NotifierDependencies, notifierService } from './notifier-service.ts'
export { RecordVerdict } from './record-verdict/record-verdict.handler.ts'
