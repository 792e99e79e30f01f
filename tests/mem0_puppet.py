"""As mem0_puppet.ts, of mem0's client from PyPI: mem0_puppet.py ADDRESS KEY."""

import json
import sys

from mem0 import MemoryClient

client = MemoryClient(host=sys.argv[1], api_key=sys.argv[2])
for line in sys.stdin:
    call = json.loads(line)
    try:
        value = getattr(client, call["method"])(*call["args"], **call["named"])
        answer = {"value": value}
    except Exception as error:
        answer = {"error": {"name": type(error).__name__, "message": str(error)}}
    print(json.dumps(answer), flush=True)
