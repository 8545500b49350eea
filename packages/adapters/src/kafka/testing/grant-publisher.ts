import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Kafka,
  ResourcePatternTypes,
} from "kafkajs";

const { DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE, CREATE } = AclOperationTypes;

/** Gives a user what infra/kafka/README.md says that a publisher needs, and nothing else. */
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
