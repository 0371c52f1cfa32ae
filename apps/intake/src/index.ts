export { intakeConfig, type IntakeConfig } from './intake.config.ts'
export { type IntakeDependencies, intakeService } from './intake.service.ts'
export { migrateIntake } from './migrate-intake.ts'
export { Registers } from './register-agent/register.handler.ts'
