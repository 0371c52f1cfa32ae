import type { Effect } from '@countersign/contracts'

/** One step of the recorded exercise: the technique of Stratus Red Team, the call that detonates it, and the records. */
export type AttackStep = {
  readonly technique: string
  readonly call: string
  readonly records: number
  readonly effect: Exclude<Effect, 'allow'>
  readonly rule: string
  /** Calls of the same name that undo the step; told apart by a word of their request. */
  readonly where?: (request: string) => boolean
}

const secrets = 'secrets-are-read-with-a-second-person'
const identity = 'identity-changes-need-security'
const operator = 'production-changes-need-an-operator'
const sharing = 'snapshots-are-shared-by-data-owners'

/** Every step found in test/fixtures/cloudtrail, in the order of the recording. */
export const attackSteps: readonly AttackStep[] = [
  {
    technique: 'credential-access.ec2-get-password-data',
    call: 'ec2:GetPasswordData',
    records: 29,
    effect: 'review',
    rule: secrets,
  },
  {
    technique: 'credential-access.ec2-steal-instance-credentials',
    call: 'ssm:SendCommand',
    records: 1,
    effect: 'review',
    rule: operator,
    where: (request) => request.includes('i-0dbc91f429e48eeed'),
  },
  {
    technique: 'credential-access.secretsmanager-retrieve-secrets',
    call: 'secretsmanager:GetSecretValue',
    records: 20,
    effect: 'review',
    rule: secrets,
  },
  {
    technique: 'credential-access.ssm-retrieve-securestring-parameters',
    call: 'ssm:GetParameters',
    records: 5,
    effect: 'review',
    rule: secrets,
  },
  {
    technique: 'defense-evasion.cloudtrail-delete',
    call: 'cloudtrail:DeleteTrail',
    records: 1,
    effect: 'deny',
    rule: 'never-disable-audit',
  },
  {
    technique: 'defense-evasion.cloudtrail-event-selectors',
    call: 'cloudtrail:PutEventSelectors',
    records: 1,
    effect: 'deny',
    rule: 'never-disable-audit',
    where: (request) => request.includes('"includeManagementEvents":false'),
  },
  {
    technique: 'defense-evasion.cloudtrail-lifecycle-rule',
    call: 's3:PutBucketLifecycle',
    records: 1,
    effect: 'review',
    rule: 'retention-is-the-data-owners',
  },
  {
    technique: 'defense-evasion.cloudtrail-stop',
    call: 'cloudtrail:StopLogging',
    records: 3,
    effect: 'deny',
    rule: 'never-disable-audit',
  },
  {
    technique: 'defense-evasion.organizations-leave',
    call: 'organizations:LeaveOrganization',
    records: 1,
    effect: 'review',
    rule: 'nobody-leaves-the-organization-alone',
  },
  {
    technique: 'defense-evasion.vpc-remove-flow-logs',
    call: 'ec2:DeleteFlowLogs',
    records: 1,
    effect: 'deny',
    rule: 'never-disable-audit',
  },
  {
    technique: 'discovery.ec2-download-user-data',
    call: 'ec2:DescribeInstanceAttribute',
    records: 15,
    effect: 'review',
    rule: secrets,
  },
  {
    technique: 'discovery.ec2-enumerate-from-instance',
    call: 'ssm:SendCommand',
    records: 1,
    effect: 'review',
    rule: operator,
    where: (request) => request.includes('i-05c30218156bcc246'),
  },
  {
    technique: 'execution.ec2-launch-unusual-instances',
    call: 'ec2:RunInstances',
    records: 2,
    effect: 'review',
    rule: operator,
  },
  {
    technique: 'exfiltration.ec2-security-group-open-port-22-ingress',
    call: 'ec2:AuthorizeSecurityGroupIngress',
    records: 1,
    effect: 'review',
    rule: 'production-networks-open-with-security',
  },
  {
    technique: 'exfiltration.ec2-share-ami',
    call: 'ec2:ModifyImageAttribute',
    records: 1,
    effect: 'review',
    rule: sharing,
    where: (request) => request.includes('"add"'),
  },
  {
    technique: 'exfiltration.ec2-share-ebs-snapshot',
    call: 'ec2:ModifySnapshotAttribute',
    records: 1,
    effect: 'review',
    rule: sharing,
    where: (request) => request.includes('"add"'),
  },
  {
    technique: 'exfiltration.rds-share-snapshot',
    call: 'rds:ModifyDBSnapshotAttribute',
    records: 1,
    effect: 'review',
    rule: sharing,
    where: (request) => request.includes('valuesToAdd'),
  },
  {
    technique: 'exfiltration.s3-backdoor-bucket-policy',
    call: 's3:PutBucketPolicy',
    records: 1,
    effect: 'review',
    rule: 'access-by-others-needs-security',
  },
  {
    technique: 'initial-access.console-login-without-mfa',
    call: 'signin:ConsoleLogin',
    records: 1,
    effect: 'review',
    rule: 'sign-in-without-a-second-factor',
  },
  {
    technique: 'persistence.iam-backdoor-role',
    call: 'iam:UpdateAssumeRolePolicy',
    records: 1,
    effect: 'review',
    rule: identity,
    where: (request) => request.includes('arn:aws:iam'),
  },
  {
    technique: 'persistence.iam-backdoor-user',
    call: 'iam:CreateAccessKey',
    records: 1,
    effect: 'review',
    rule: identity,
    where: (request) => request.includes('backdoor-u-user'),
  },
  {
    technique: 'persistence.iam-create-admin-user',
    call: 'iam:CreateUser',
    records: 1,
    effect: 'review',
    rule: identity,
  },
  {
    technique: 'persistence.iam-create-admin-user',
    call: 'iam:AttachUserPolicy',
    records: 1,
    effect: 'review',
    rule: identity,
  },
  {
    technique: 'persistence.iam-create-admin-user',
    call: 'iam:CreateAccessKey',
    records: 1,
    effect: 'review',
    rule: identity,
    where: (request) => request.includes('malicious-iam-user'),
  },
  {
    technique: 'persistence.iam-create-user-login-profile',
    call: 'iam:CreateLoginProfile',
    records: 1,
    effect: 'review',
    rule: identity,
  },
  {
    technique: 'persistence.lambda-backdoor-function',
    call: 'lambda:AddPermission',
    records: 1,
    effect: 'review',
    rule: 'access-by-others-needs-security',
  },
  {
    technique: 'persistence.lambda-overwrite-code',
    call: 'lambda:UpdateFunctionCode',
    records: 2,
    effect: 'review',
    rule: operator,
  },
  {
    technique: 'persistence.rolesanywhere-create-trust-anchor',
    call: 'rolesanywhere:CreateTrustAnchor',
    records: 1,
    effect: 'review',
    rule: identity,
  },
  {
    technique: 'persistence.rolesanywhere-create-trust-anchor',
    call: 'rolesanywhere:CreateProfile',
    records: 1,
    effect: 'review',
    rule: identity,
  },
  {
    technique: 'the roles that five of the techniques take on first',
    call: 'sts:AssumeRole',
    records: 23,
    effect: 'review',
    rule: 'roles-are-assumed-with-a-second-person',
  },
]
