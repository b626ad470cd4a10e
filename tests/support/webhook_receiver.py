"""A receiver of webhooks that a test tells how to behave; it keeps what it was sent."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebhookReceiver:
    """Listens on loopback. `behave`: a status, (status, headers), "hang", "drip", "huge", "close", or makes one."""

    def __init__(self, behave=200):
        self.behave, self.messages = behave, []
        self.stopped = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.messages.append((dict(self.headers), body, self.path))
                receiver.answer(self)

            def do_GET(self):
                receiver.messages.append((dict(self.headers), b"", self.path))
                receiver.answer(self)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def answer(self, handler):
        behave = self.behave(len(self.messages)) if callable(self.behave) else self.behave
        if behave == "hang":
            self.stopped.wait(60)
        elif behave == "drip":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.stopped.wait(0.2):
                handler.wfile.write(b"x")
                handler.wfile.flush()
        elif behave == "close":
            handler.connection.close()
        elif behave == "huge":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            started = time.monotonic()
            while not self.stopped.is_set() and time.monotonic() < started + 60:
                handler.wfile.write(b"x" * 65536)
        else:
            status, headers = behave if isinstance(behave, tuple) else (behave, {})
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
