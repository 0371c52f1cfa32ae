export { intakeConfig, type IntakeConfig } from './intake.config.ts'
export { type IntakeDependencies, intakeService } from './intake.service.ts'
export { IntakeInitial1763683200001 } from './migrations/initial.ts'
export { Registers } from './register-agent/register.handler.ts'
