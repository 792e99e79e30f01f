"""What a JSON body of Qdrant's REST asks for, as the engine's own models. What is not known here is
refused with 501, and never passed over; what Qdrant itself refuses has its status and its words."""

import uuid

import qdrant_edge as edge

DISTANCES = ("Cosine", "Dot", "Euclid", "Manhattan")
FIELD_TYPES = ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")
HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
OPTIMIZERS = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
Do = edge.UpdateOperation


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def malformed(message):
    return Refused(400, f"Format error in JSON body: {message}")


def invalid(message):
    return Refused(422, f"Validation error in JSON body: {message}")


def fields(value, known, what):
    """Of a JSON object the fields that are given; null is what is not there."""
    if not isinstance(value, dict):
        raise malformed(f"{what} is no object")
    for key in value:
        if key not in known:
            raise Refused(501, f"{what}: {key!r} is not served here")
    return {key: given for key, given in value.items() if given is not None}


def point_id(value):
    if type(value) is int and value >= 0:
        return value
    try:
        return uuid.UUID(value)
    except (AttributeError, TypeError, ValueError):
        raise malformed(f"value {value} is not a valid point ID") from None


def point_ids(values):
    return [point_id(value) for value in values]


# Filters


def filter_of(value):
    if value is None:
        return None
    if not isinstance(value, dict) or not set(value) <= {"must", "should", "must_not", "min_should"}:
        raise malformed("data did not match any variant of a filter")
    parts = {
        key: [condition(one) for one in (value[key] if isinstance(value[key], list) else [value[key]])]
        for key in ("must", "should", "must_not")
        if value.get(key) is not None
    }
    if value.get("min_should") is not None:
        least = value["min_should"]
        parts["min_should"] = edge.MinShould([condition(one) for one in least["conditions"]], least["min_count"])
    return edge.Filter(**parts)


def condition(value):
    if not isinstance(value, dict):
        raise malformed("data did not match any variant of a condition")
    if "key" in value:
        return field_condition(value)
    if set(value) == {"has_id"}:
        return edge.HasIdCondition(set(point_ids(value["has_id"])))
    if set(value) == {"is_empty"}:
        return edge.IsEmptyCondition(value["is_empty"]["key"])
    if set(value) == {"is_null"}:
        return edge.IsNullCondition(value["is_null"]["key"])
    return filter_of(value)


def field_condition(value):
    asked = fields(value, ("key", "match", "range", "is_empty", "is_null"), "condition")
    if len(asked) == 1:
        raise invalid("[filter: at least one field condition must be specified]")
    if "match" in asked:
        asked["match"] = match_of(asked["match"])
    if "range" in asked:
        asked["range"] = range_of(asked["range"])
    return edge.FieldCondition(**asked)


def match_of(value):
    ((kind, wanted),) = fields(value, ("value", "any", "except"), "match").items()
    if kind == "value" and isinstance(wanted, (str, int)):
        return edge.MatchValue(wanted)
    if kind != "value" and {type(one) for one in wanted} in (set(), {str}, {int}):
        return edge.MatchAny(wanted) if kind == "any" else edge.MatchExcept(wanted)
    raise malformed("data did not match any variant of a match")


def range_of(value):
    asked = fields(value, ("gt", "gte", "lt", "lte"), "range")
    kinds = {type(bound) for bound in asked.values()}
    if kinds <= {int, float}:
        return edge.RangeFloat(**asked)
    if kinds != {str}:
        raise malformed("data did not match any variant of a range")
    try:
        return edge.RangeDateTime(**asked)
    except ValueError as error:
        raise malformed(error) from None


# Collections


def edge_config(config):
    known = ("vectors", "on_disk_payload", "hnsw_config", "quantization_config", "optimizers_config")
    given = fields(config, known, "collection")
    known = ("size", "distance", "on_disk", "hnsw_config", "quantization_config")
    vectors = with_models(fields(given.pop("vectors"), known, "vectors"))
    if vectors.get("distance") not in DISTANCES:
        raise malformed("unknown variant of a distance")
    if not 1 <= vectors.get("size", 0) <= 65_536:
        raise invalid("[vectors.size: value invalid, must be from 1 to 65536]")
    vectors["distance"] = getattr(edge.Distance, vectors["distance"])
    optimizers = given.pop("optimizers_config", None)
    if optimizers is not None:
        known = (*OPTIMIZERS, "max_segment_size", "indexing_threshold")
        given["optimizers"] = edge.EdgeOptimizersConfig(**fields(optimizers, known, "optimizers_config"))
    return edge.EdgeConfig(vectors=edge.EdgeVectorParams(**vectors), **with_models(given))


def patched(config, value):
    """What a collection is to be from now on."""
    given = fields(value, ("vectors", "quantization_config", "optimizers_config"), "collection")
    made = dict(config)
    if "vectors" in given:
        made["vectors"] = {**config["vectors"], **fields(given["vectors"], ("",), "vectors")[""]}
    if "quantization_config" in given:
        made["quantization_config"] = given["quantization_config"]
    if "optimizers_config" in given:
        made["optimizers_config"] = {**(config.get("optimizers_config") or {}), **given["optimizers_config"]}
    return made


def with_models(given):
    """Of the collection or of its vectors: what both can have."""
    made = dict(given)
    if "hnsw_config" in given:
        known = (*HNSW, "max_indexing_threads", "on_disk", "payload_m")
        made["hnsw_config"] = edge.HnswIndexConfig(**{**HNSW, **fields(given["hnsw_config"], known, "hnsw_config")})
    if "quantization_config" in given:
        scalar = fields(given["quantization_config"], ("scalar",), "quantization_config")["scalar"]
        scalar = fields(scalar, ("type", "quantile", "always_ram"), "scalar")
        if scalar.pop("type", None) != "int8":
            raise malformed("unknown variant of a scalar type")
        made["quantization_config"] = edge.ScalarQuantizationConfig(edge.ScalarType.Int8, **scalar)
    return made


def index_of(value):
    given = fields(value, ("field_name", "field_schema"), "index")
    schema = given.get("field_schema")
    params = {"type": schema} if isinstance(schema, str) else dict(schema or {})
    kind = params.pop("type", None)
    if kind not in FIELD_TYPES:
        raise malformed("data did not match any variant of a field schema")
    name = kind.capitalize()
    if not params:
        return Do.create_field_index(given["field_name"], getattr(edge.PayloadSchemaType, name))
    try:
        return Do.create_field_index(given["field_name"], getattr(edge, f"{name}IndexParams")(**params))
    except TypeError as error:
        raise Refused(501, f"field_schema: {error}") from None


# Points


def upsert_of(value):
    given = fields(value, ("points", "batch"), "upsert")
    if "batch" in given:
        batch = fields(given["batch"], ("ids", "vectors", "payloads"), "batch")
        payloads = batch.get("payloads") or [None] * len(batch["ids"])
        if not len(batch["ids"]) == len(batch["vectors"]) == len(payloads):
            raise invalid("[batch: number of ids, vectors and payloads must be the same]")
        rows = zip(point_ids(batch["ids"]), batch["vectors"], payloads)
    else:
        points = [fields(point, ("id", "vector", "payload"), "point") for point in given["points"]]
        rows = ((point_id(point["id"]), point["vector"], point.get("payload")) for point in points)
    return Do.upsert_points([edge.Point(*row) for row in rows])


def delete_of(value):
    given = fields(value, ("points", "filter"), "points selector")
    if "points" in given:
        return Do.delete_points(point_ids(given["points"]))
    return Do.delete_points_by_filter(filter_of(given["filter"]))


def set_payload_of(value):
    given = fields(value, ("payload", "points", "filter", "key"), "set payload")
    if "points" in given:
        return Do.set_payload(point_ids(given["points"]), given["payload"], given.get("key"))
    if "filter" in given:
        return Do.set_payload_by_filter(filter_of(given["filter"]), given["payload"], given.get("key"))
    raise malformed("either points or filter should be specified")


def update_of(value):
    """One of a batch."""
    makers = {"upsert": upsert_of, "delete": delete_of, "set_payload": set_payload_of}
    ((name, operation),) = fields(value, makers, "batch").items()
    return makers[name](operation)


def query_of(value):
    known = ("query", "filter", "params", "score_threshold", "limit", "offset", "with_payload", "with_vector")
    asked = fields(value, known, "query")
    nearest = asked.pop("query", None)
    if isinstance(nearest, dict):
        nearest = fields(nearest, ("nearest",), "query")["nearest"]
    if isinstance(nearest, list):
        asked["query"] = edge.Query.Nearest(nearest)
    elif nearest is not None:
        raise Refused(501, "query: only a vector is served here")
    if "params" in asked:
        params = fields(asked["params"], ("hnsw_ef", "exact", "quantization", "indexed_only"), "params")
        if "quantization" in params:
            quantization = fields(params["quantization"], ("ignore", "rescore", "oversampling"), "quantization")
            params["quantization"] = edge.QuantizationSearchParams(**quantization)
        asked["params"] = edge.SearchParams(**params)
    return edge.QueryRequest(**selected(asked, with_payload=False))


def scroll_of(value):
    asked = fields(value, ("offset", "limit", "filter", "with_payload", "with_vector"), "scroll")
    if "offset" in asked:
        asked["offset"] = point_id(asked["offset"])
    return edge.ScrollRequest(**selected(asked, with_payload=True))


def count_of(value):
    asked = fields(value, ("filter", "exact"), "count")
    return edge.CountRequest(exact=asked.get("exact", True), filter=filter_of(asked.get("filter")))


def selected(asked, with_payload):
    """What a query and a scroll have in common."""
    limit = asked.get("limit", 10)
    if limit < 1:
        raise invalid(f"[limit: value {limit} invalid, must be 1 or larger]")
    return {
        **asked,
        "limit": limit,
        "filter": filter_of(asked.get("filter")),
        "with_payload": payload_selector(asked.get("with_payload", with_payload)),
    }


def payload_selector(value):
    if not isinstance(value, dict):
        return value
    ((kind, names),) = fields(value, ("include", "exclude"), "with_payload").items()
    return edge.PayloadSelector.Include(names) if kind == "include" else edge.PayloadSelector.Exclude(names)
