"""What the servers of the tests that are Python have in common: they serve until they are ended."""

import signal
import sys
from http.server import ThreadingHTTPServer


def serve(handler, port, path=""):
    """On loopback; says on standard error where. Returns once it is interrupted or terminated."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    # As an interrupt, so that whoever serves can clear up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"http://127.0.0.1:{server.server_port}{path}", file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
