"""What schemathesis is told of this instance before it reads the document, and cannot know."""

import json

import schemathesis

DIMENSIONS = 3


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The index of this instance holds vectors of three numbers: others are refused, as documented.
    A stream of events has no end that could be waited for."""
    raw_schema["paths"].pop("/events", None)
    for schema in parts(raw_schema):
        if schema.get("maxItems") == 8192:
            schema.update(minItems=DIMENSIONS, maxItems=DIMENSIONS)


def parts(value):
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from parts(child)


@schemathesis.serializer("application/x-ndjson")
def one_line(context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.deserializer("application/x-ndjson")
def all_lines(context, response):
    return response.content.decode()
