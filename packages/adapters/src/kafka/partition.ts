import { type ICustomPartitioner, Partitioners } from "kafkajs";

/**
 * Which partition a key goes to: murmur2 of its UTF-8 bytes, without its sign, modulo the topic's
 * number of partitions. Kafka's own clients choose the same, so that readers may join topics by key.
 * Nothing else has a part in it; while the number stays, a key stays where it is.
 */
export const choosePartition: ICustomPartitioner = Partitioners.DefaultPartitioner;
