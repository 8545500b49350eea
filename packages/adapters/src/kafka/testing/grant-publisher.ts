import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Kafka,
  ResourcePatternTypes,
} from "kafkajs";

const { DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE, CREATE } = AclOperationTypes;

/** Grants a user the rights that a publisher needs according to infra/kafka/README.md, and no others. */
export async function grantPublisher(kafka: Kafka, user: string, prefix: string): Promise<void> {
  const grants = [
    [AclResourceTypes.TOPIC, `${prefix}.`, [DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE, CREATE]],
    [AclResourceTypes.TRANSACTIONAL_ID, `${prefix}.publisher`, [DESCRIBE, WRITE]],
    [AclResourceTypes.GROUP, `${prefix}.publisher.v1-reader-`, [READ]],
  ] as const;
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createAcls({
      acl: grants.flatMap(([resourceType, resourceName, operations]) =>
        operations.map((operation) => ({
          resourceType,
          resourceName,
          resourcePatternType: ResourcePatternTypes.PREFIXED,
          principal: `User:${user}`,
          host: "*",
          operation,
          permissionType: AclPermissionTypes.ALLOW,
        })),
      ),
    });
  } finally {
    await admin.disconnect();
  }
}
