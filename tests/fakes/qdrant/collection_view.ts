/** What Qdrant says of a collection and how it is set; what was not asked for is as it comes. */
import type { JsonObject } from "../../../src/json.ts";
import { isJsonObject } from "../../../src/json.ts";
import type { Collection } from "./collection.ts";

export function collectionView(collection: Collection): object {
  const { size, config, indexes } = collection;
  const payloadSchema = [...indexes].map(([field, schema]) => {
    const points = [...collection.matching((_, payload) => payload[field] !== undefined)].length;
    const { type, ...rest } = schema;
    const params = Object.keys(rest).length === 0 ? {} : { params: schema };
    return [field, { data_type: type, ...params, points }];
  });
  return {
    status: "green",
    optimizer_status: "ok",
    indexed_vectors_count: 0,
    points_count: size,
    segments_count: 2,
    config: {
      params: {
        vectors: config["vectors"],
        shard_number: 1,
        replication_factor: 1,
        write_consistency_factor: 1,
        on_disk_payload: config["on_disk_payload"] ?? true,
      },
      hnsw_config: {
        m: 16,
        ef_construct: 100,
        full_scan_threshold: 10_000,
        max_indexing_threads: 0,
        on_disk: false,
        ...asked(config, "hnsw_config"),
      },
      optimizer_config: {
        deleted_threshold: 0.2,
        vacuum_min_vector_number: 1000,
        default_segment_number: 0,
        max_segment_size: null,
        memmap_threshold: null,
        indexing_threshold: 10_000,
        flush_interval_sec: 5,
        max_optimization_threads: null,
        ...asked(config, "optimizers_config"),
      },
      wal_config: { wal_capacity_mb: 32, wal_segments_ahead: 0, wal_retain_closed: 1 },
      quantization_config: config["quantization_config"] ?? null,
    },
    payload_schema: Object.fromEntries(payloadSchema),
  };
}

function asked(config: JsonObject, part: string): JsonObject {
  const value = config[part];
  return isJsonObject(value) ? value : {};
}
