"""A hub on this machine that can misbehave, and a machine without the user's own folders."""

import dataclasses
import hashlib
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from opensonic.weights.headers import write_header
from opensonic.weights.records import MODEL_FILES, PULLED, SONIC_NETWORKS

VARIABLES = (
    "OPENSONIC_MODELS",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ENDPOINT",
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_OFFLINE",
    "XDG_CACHE_HOME",
    "http_proxy",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user without models, tokens, mirrors or caches."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    for name, value in (
        ("HOME", folder),
        ("XDG_DATA_HOME", folder / "data"),
        ("XDG_CACHE_HOME", folder / "cache"),
        ("LOCALAPPDATA", folder / "local"),
        ("HF_HOME", folder / "hf"),
        ("NO_PROXY", "*"),
    ):
        monkeypatch.setenv(name, str(value))
    return folder


class Hub:
    """What the server gives, how it misbehaves, and what it was asked."""

    def __init__(self, url):
        self.url = url
        self.files = {}  # contents by path
        self.asked = []  # (path, headers)
        self.answers = []  # status codes to give first
        self.break_after = []  # bytes after which the next answers end
        self.ranges = True
        self.linked = True  # redirects as the hub does, with size and SHA-256
        self.etag = True
        self.length = 0  # added to what Content-Length should be
        self.stall_s = 0  # of silence after the bytes
        self.token = None
        self.retry_after = None
        self.elsewhere = None  # where the bytes lie, None for here
        self.claims = {}  # headers of the redirect that are not as they should be

    def put(self, path, contents):
        self.files[f"/{path}"] = contents
        return f"{self.url}/{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        hub = self.server.hub
        hub.asked.append((self.path, dict(self.headers)))
        if hub.answers:
            return self.refuse(hub.answers.pop(0))
        path = self.path.removeprefix("/bytes")
        if path not in hub.files:
            return self.refuse(404)
        shown = self.headers["Authorization"]
        if hub.token and self.path == path and shown != f"Bearer {hub.token}":
            return self.refuse(401 if shown is None else 403)
        contents = hub.files[path]
        if hub.linked and self.path == path:
            return self.redirect(hub, path, contents)
        return self.give(hub, contents)

    def refuse(self, code):
        self.send_response(code)
        if self.server.hub.retry_after:
            self.send_header("Retry-After", self.server.hub.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def redirect(self, hub, path, contents):
        facts = {
            "X-Linked-Size": str(len(contents)),
            "X-Linked-Etag": f'"{hashlib.sha256(contents).hexdigest()}"',
            "X-Repo-Commit": "c0ffee",
        } | hub.claims
        self.send_response(302)
        for name, value in facts.items():
            self.send_header(name, value)
        self.send_header("Location", f"{hub.elsewhere or ''}/bytes{path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give(self, hub, contents):
        etag = f'"{hashlib.md5(contents).hexdigest()}"'
        start = 0
        asked = self.headers["Range"]
        if hub.ranges and asked and self.headers["If-Range"] in (None, etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(contents) > 0 and asked:
            return self.refuse(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(contents) - 1}/{len(contents)}")
        if hub.etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(contents) - start + hub.length))
        self.end_headers()
        end = start + hub.break_after.pop(0) if hub.break_after else len(contents)
        with suppress(ConnectionError):  # of a client that has seen enough
            self.wfile.write(contents[start:end])
        time.sleep(hub.stall_s)
        if end < len(contents) or hub.length:
            self.close_connection = True
        return None


@contextmanager
def running():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hub(home):
    """A server with the hub's manners."""
    with running() as made:
        yield made


@pytest.fixture
def other_hub(home):
    """One more, at another address."""
    with running() as made:
        yield made


SHAPES = {"a.weight": (2, 3), "b": (1,)}


@pytest.fixture
def small(monkeypatch):
    """Networks with two tensors, so that files are small."""
    for name in SONIC_NETWORKS:
        monkeypatch.setitem(MODEL_FILES, name, smaller(MODEL_FILES[name]))


def smaller(file):
    return dataclasses.replace(file, shapes=lambda: dict(SHAPES))


def write_tensors(path, shapes=SHAPES, dtype="F32", prefix="", notes=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_header(file, [(prefix + n, dtype, s) for n, s in shapes.items()], notes or {})
        for shape in shapes.values():
            size = 4 if dtype in ("F32", "I32") else 2
            for side in shape:
                size *= side
            file.write(bytes(size))
    return path


def publish(hub, tmp_path, name):
    """Put a file on the hub; the pickles as safetensors would not do, so as real ones."""
    file = MODEL_FILES[name]
    path = tmp_path / "made" / name
    if file.remote.endswith(".json"):
        contents = b'{"sizes": 1}'
    elif file.is_pickle:
        torch = pytest.importorskip("torch")
        path.parent.mkdir(exist_ok=True)
        torch.save({file.prefix + n: torch.ones(s) for n, s in SHAPES.items()}, path)
        contents = path.read_bytes()
    else:
        contents = write_tensors(path).read_bytes()
    for revision in ("main", "c0ffee"):
        hub.put(f"{file.repository}/resolve/{revision}/{file.remote}", contents)
    return contents


@pytest.fixture
def published(hub, tmp_path, small, monkeypatch):
    """A hub with the whole model."""
    for name in PULLED:
        publish(hub, tmp_path, name)
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/")
    return hub
