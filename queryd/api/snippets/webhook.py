"""Hears of news of watches: LINEUP_SECRET is the webhookSecret that POST /v1/watches told."""
import hashlib
import hmac
import http.server
import json
import os
import sys
import time


def genuine(secret, signature, body, now=None):
    """Reports whether a delivery is the server's, and of these five minutes."""
    try:
        made, told = (part.split("=", 1)[1] for part in signature.split(","))
        fresh = abs((now or time.time()) - int(made)) < 300
    except (IndexError, ValueError):
        return False
    ours = hmac.new(secret.encode(), made.encode() + b"." + body, hashlib.sha256).hexdigest()
    return fresh and hmac.compare_digest(ours, told)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 10_000))
        ok = genuine(os.environ["LINEUP_SECRET"], self.headers.get("X-Lineup-Signature", ""), body)
        self.send_response(204 if ok else 401)
        self.end_headers()
        if ok:  # it may come twice: ask GET /v1/watches/{id} what is new
            print("news of watch", json.loads(body)["watch"], flush=True)


if __name__ == "__main__":
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
