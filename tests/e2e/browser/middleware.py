"""What the live server has beyond the project: a strict policy, and a record of what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    GetResponse = Callable[[HttpRequest], HttpResponse]

FORMS = "; form-action 'self'"
STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    f"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'{FORMS}"
)


class Answer(NamedTuple):
    method: str
    path: str
    # Headers and body.
    text: str


# Of the test that runs: the server's threads are in its process.
answers: list[Answer] = []


def strict_policy(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # As docs/how-to/oauth.md has it: the form of this page leads to another site.
        leads_on = request.path == "/oauth2/authorize"
        response["Content-Security-Policy"] = STRICT_POLICY.removesuffix(FORMS if leads_on else "")
        return response

    return middleware


def record(get_response: GetResponse) -> GetResponse:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        text = response.serialize().decode(errors="replace")
        answers.append(Answer(request.method or "", request.path, text))
        return response

    return middleware
