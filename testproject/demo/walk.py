"""Real requests over HTTP, each shown as a ``curl`` line that can be copied."""

import http.client
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

USER_AGENT = "tokenauth-demo"

# What of an answer is worth a line.
SHOWN_HEADERS = ("WWW-Authenticate", "X-Request-ID")


@dataclass(frozen=True)
class Step:
    """One request, and the answer that is expected."""

    title: str
    path: str
    token: str | None
    status: int
    reason: str | None = None


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


def walk(base_url: str, steps: list[Step], write: Callable[[str], object]) -> int:
    """Take the steps, say what happens, and count the answers that were not the expected ones."""
    unexpected = 0
    for number, step in enumerate(steps, start=1):
        answer = _ask(base_url, step)
        write(f"{number}. {step.title}\n")
        write(f"   $ {_curl(base_url, step)}\n\n{_shown(answer)}\n")
        if (answer.status, answer.reason) != (step.status, step.reason):
            unexpected += 1
            expected = f"{step.status} {step.reason or ''}".strip()
            write(f"   NOT AS EXPECTED: it should have been {expected}.\n")
    return unexpected


def _ask(base_url: str, step: Step) -> Answer:
    # Not through a proxy that the environment names: the server is on this machine.
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=30)
    headers = {"User-Agent": USER_AGENT}
    if step.token is not None:
        headers["Authorization"] = f"Bearer {step.token}"
    try:
        connection.request("GET", step.path, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        body = text
    return Answer(response.status, response.reason, response.headers, body)


def _curl(base_url: str, step: Step) -> str:
    words = ["curl", "-i"]
    if step.token is not None:
        words += ["-H", f"Authorization: Bearer {step.token}"]
    return shlex.join([*words, base_url + step.path])


def _shown(answer: Answer) -> str:
    lines = [f"HTTP {answer.status} {answer.phrase}"]
    lines += [f"{name}: {answer.headers[name]}" for name in SHOWN_HEADERS if name in answer.headers]
    lines += ["", *json.dumps(answer.body, indent=2, ensure_ascii=False).splitlines()]
    return "\n".join(f"   {line}".rstrip() for line in lines)
