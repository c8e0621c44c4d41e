"""Real requests over HTTP, each shown as a ``curl`` line that can be copied."""

import http.client
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

USER_AGENT = "tokenauth-demo"

# What of an answer is worth a line.
SHOWN_HEADERS = ("WWW-Authenticate", "X-Request-ID", "Deprecation", "Sunset")


@dataclass(frozen=True)
class Answer:
    status: int
    phrase: str
    headers: http.client.HTTPMessage
    body: object

    @property
    def reason(self) -> str | None:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error.get("reason") if isinstance(error, dict) else None

    def __str__(self) -> str:
        lines = [f"HTTP {self.status} {self.phrase}"]
        lines += [f"{name}: {self.headers[name]}" for name in SHOWN_HEADERS if name in self.headers]
        if self.body:
            lines += ["", *json.dumps(self.body, indent=2, ensure_ascii=False).splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Request:
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    # Or HEAD, for the headers of the same answer alone.
    method: str = "GET"
    # Of a body, the parts that curl joins by "&".
    data: Sequence[str] = ()

    def send(self) -> Answer:
        """:raises OSError, http.client.HTTPException: there is no answer."""
        parts = urlsplit(self.url)
        # Not through a proxy that the environment names: the server is on this machine.
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            headers = {"User-Agent": USER_AGENT, **self.headers}
            connection.request(self.method, parts.path, "&".join(self.data) or None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        try:
            body = json.loads(text)
        except json.JSONDecodeError:
            body = text
        return Answer(response.status, response.reason, response.headers, body)

    def __str__(self) -> str:
        words = ["curl", "-I" if self.method == "HEAD" else "-i"]
        if self.method not in ("GET", "HEAD"):
            words += ["-X", self.method]
        words.append(self.url)
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        for part in self.data:
            words += ["-d", part]
        return shlex.join(words)


def indented(text: object) -> str:
    """What is shown below the title of a step."""
    return "\n".join(f"   {line}".rstrip() for line in str(text).splitlines())
