import type { JsonValue } from '@countersign/contracts'
import { objectOf, type CloudTrailRecord } from './cloudtrail-record.ts'
import type { Principal } from './principal-of.ts'

/**
 * The action that a call is replayed as, out of the vocabulary in docs/reference/policy-actions.md. Named by what the call
 * does to others, so that a rule reads like the sentence it stands for; the service and operation are parameters.
 */
export const actionOf = (record: CloudTrailRecord, principal: Principal): string => {
  const { service, operation } = record
  const particular = judged[service]?.(record) ?? named.get(`${service}:${operation}`)
  if (particular !== undefined) return particular
  if (isRead(record)) return 'cloud.read'
  const whole = wholeService[service]
  if (whole !== undefined) return whole
  if (record.serviceEvent || principal.name.startsWith('aws-service/')) return 'cloud.service'
  if (/^(Create|Allocate|Register|Request|Provision)/.test(operation)) return 'cloud.create'
  return /^(Delete|Remove|Terminate|Deregister|Release|Detach|Disassociate|Revoke|Disable|Stop|Cancel|Purge)/.test(
    operation,
  )
    ? 'cloud.delete'
    : 'cloud.change'
}

const isRead = ({ readOnly, operation }: CloudTrailRecord): boolean =>
  readOnly ?? /^(Get|List|Describe|Head|Lookup|Search|BatchGet)/.test(operation)

/** Calls whose meaning depends on their parameters. Undefined leaves the call to the tables. */
const judged: Record<string, (record: CloudTrailRecord) => string | undefined> = {
  cloudtrail: ({ operation, request }) => {
    if (operation === 'PutEventSelectors') return keepsManagementEvents(request) ? 'audit.change' : 'audit.disable'
    if (operation !== 'UpdateTrail') return undefined
    return request['isMultiRegionTrail'] === false || request['includeGlobalServiceEvents'] === false
      ? 'audit.disable'
      : 'audit.change'
  },
  guardduty: ({ operation, request }) =>
    operation === 'UpdateDetector' && request['enable'] === false ? 'audit.disable' : undefined,
  ssm: ({ operation, request }) =>
    operation.startsWith('GetParameter') && request['withDecryption'] === true ? 'secret.read' : undefined,
  ec2: ({ operation, request }) =>
    operation === 'DescribeInstanceAttribute' && request['attribute'] === 'userData' ? 'secret.read' : undefined,
  // A service that decrypts does so for a call that is a record of its own.
  kms: ({ operation, identity }) =>
    /^(Decrypt|ReEncrypt)/.test(operation) && identity['invokedBy'] === undefined ? 'secret.read' : undefined,
}

/** Whether event selectors still record every management event; doubt counts as no. */
const keepsManagementEvents = (request: CloudTrailRecord['request']): boolean =>
  list(request['eventSelectors']).some((item) => {
    const selector = objectOf(item)
    return (
      selector['includeManagementEvents'] !== false &&
      (selector['readWriteType'] ?? 'All') === 'All' &&
      list(selector['excludeManagementEventSources']).length === 0
    )
  }) ||
  list(request['advancedEventSelectors']).some((item) => {
    const fields = list(objectOf(item)['fieldSelectors']).map(objectOf)
    return (
      fields.length === 1 && fields[0]?.['field'] === 'eventCategory' && list(fields[0]['equals'])[0] === 'Management'
    )
  })

const list = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : [])

/** Services whose writes all mean the same, unless a call is named below. */
const wholeService: Record<string, string> = {
  iam: 'identity.change',
  rolesanywhere: 'identity.change',
  sso: 'identity.change',
  'sso-directory': 'identity.change',
  identitystore: 'identity.change',
  signin: 'identity.sign-in',
  organizations: 'organization.change',
  account: 'organization.change',
  cloudtrail: 'audit.change',
  config: 'audit.change',
  guardduty: 'audit.change',
  securityhub: 'audit.change',
  'access-analyzer': 'audit.change',
  kms: 'key.change',
}

const calls: Record<string, Record<string, string>> = {
  'audit.disable': {
    cloudtrail: 'StopLogging DeleteTrail DeleteEventDataStore StopEventDataStoreIngestion',
    config: 'StopConfigurationRecorder DeleteConfigurationRecorder DeleteDeliveryChannel',
    guardduty: 'DeleteDetector StopMonitoringMembers DisassociateMembers DeleteMembers',
    securityhub: 'DisableSecurityHub',
    'access-analyzer': 'DeleteAnalyzer',
    ec2: 'DeleteFlowLogs',
  },
  'audit.change': { ec2: 'CreateFlowLogs', s3: 'PutBucketLogging' },
  'storage.retention': {
    s3: 'PutBucketLifecycle PutBucketLifecycleConfiguration DeleteBucketLifecycle PutBucketVersioning PutBucketObjectLockConfiguration',
    logs: 'DeleteLogGroup DeleteLogStream PutRetentionPolicy',
  },
  'secret.read': {
    secretsmanager: 'GetSecretValue BatchGetSecretValue',
    ec2: 'GetPasswordData',
    redshift: 'GetClusterCredentials GetClusterCredentialsWithIAM',
  },
  'key.use': {
    kms: 'Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext GenerateMac VerifyMac Sign Verify ReEncrypt',
  },
  'snapshot.share': {
    ec2: 'ModifySnapshotAttribute ResetSnapshotAttribute ModifyImageAttribute ResetImageAttribute CreateStoreImageTask CreateInstanceExportTask DisableSnapshotBlockPublicAccess DisableImageBlockPublicAccess',
    rds: 'ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute StartExportTask',
    redshift: 'AuthorizeSnapshotAccess',
  },
  'snapshot.remove': {
    ec2: 'DeleteSnapshot',
    rds: 'DeleteDBSnapshot DeleteDBClusterSnapshot DeleteDBInstanceAutomatedBackup DeleteDBClusterAutomatedBackup',
    backup: 'DeleteRecoveryPoint DeleteBackupVault DeleteBackupPlan',
    redshift: 'DeleteClusterSnapshot',
    dynamodb: 'DeleteBackup',
    fsx: 'DeleteBackup',
    elasticache: 'DeleteSnapshot',
  },
  'resource-policy.change': {
    s3: 'PutBucketPolicy DeleteBucketPolicy PutBucketAcl PutObjectAcl PutBucketPublicAccessBlock DeleteBucketPublicAccessBlock PutAccountPublicAccessBlock DeleteAccountPublicAccessBlock PutAccessPointPolicy PutBucketCors PutBucketWebsite PutBucketReplication PutBucketOwnershipControls',
    lambda: 'AddPermission RemovePermission AddLayerVersionPermission CreateFunctionUrlConfig UpdateFunctionUrlConfig',
    secretsmanager: 'PutResourcePolicy DeleteResourcePolicy',
    sqs: 'AddPermission RemovePermission',
    sns: 'AddPermission RemovePermission',
    ecr: 'SetRepositoryPolicy DeleteRepositoryPolicy',
    ram: 'CreateResourceShare UpdateResourceShare AssociateResourceShare AcceptResourceShareInvitation',
  },
  'network.open': {
    ec2: 'AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress ModifySecurityGroupRules CreateVpcPeeringConnection AcceptVpcPeeringConnection CreateVpnConnection CreateInstanceConnectEndpoint',
    rds: 'AuthorizeDBSecurityGroupIngress',
    redshift: 'AuthorizeClusterSecurityGroupIngress',
  },
  'compute.launch': {
    ec2: 'RunInstances RequestSpotInstances RequestSpotFleet CreateFleet',
    lambda: 'CreateFunction',
    ecs: 'RunTask StartTask CreateService',
    batch: 'SubmitJob',
    lightsail: 'CreateInstances',
    elasticmapreduce: 'RunJobFlow',
    sagemaker: 'CreateNotebookInstance CreateTrainingJob CreateProcessingJob',
  },
  'command.run': {
    ssm: 'SendCommand StartSession ResumeSession StartAutomationExecution CreateAssociation UpdateAssociation',
    'ec2-instance-connect': 'SendSSHPublicKey SendSerialConsoleSSHPublicKey',
    ecs: 'ExecuteCommand',
  },
  'code.replace': {
    lambda: 'UpdateFunctionCode UpdateFunctionConfiguration PublishLayerVersion',
    ec2: 'ModifyInstanceAttribute ModifyLaunchTemplate',
    ecs: 'RegisterTaskDefinition UpdateService',
  },
  'identity.change': {
    ec2: 'CreateKeyPair ImportKeyPair AssociateIamInstanceProfile ReplaceIamInstanceProfileAssociation',
  },
  'identity.assume': {
    sts: 'AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot GetFederationToken GetSessionToken',
    sso: 'GetRoleCredentials',
    signin: 'SwitchRole',
  },
  'cloud.report': { ssm: 'UpdateInstanceInformation UpdateInstanceAssociationStatus PutInventory PutComplianceItems' },
  // Created things that redirect or relabel what already runs.
  'cloud.change': {
    ec2: 'CreateRoute CreateNetworkAclEntry CreateTags',
    lambda: 'CreateAlias CreateEventSourceMapping',
    route53: 'CreateHostedZone',
  },
}

const named = new Map(
  Object.entries(calls).flatMap(([action, services]) =>
    Object.entries(services).flatMap(([service, operations]) =>
      operations.split(' ').map((operation) => [`${service}:${operation}`, action] as const),
    ),
  ),
)
