import { z } from "zod";
import { eventRecord } from "./record.ts";
import { uuid } from "./scalar.ts";

/** A delivery with everything that it caused to be recorded. */
export const deliveryRecord = z
  .object({
    delivery_id: uuid,
    received: eventRecord,
    facts: z.array(eventRecord),
    body_url: z.string(),
  })
  .meta({ id: "Delivery" });
