"""What a client is answered: with a good token, with a bad one, and with none."""

from collections.abc import Callable
from dataclasses import dataclass

from testproject.demo.requests import Request, indented


@dataclass(frozen=True)
class Step:
    """One request, and the answer that is expected."""

    title: str
    path: str
    token: str | None
    status: int
    reason: str | None = None


def walk(base_url: str, steps: list[Step], write: Callable[[str], object]) -> int:
    """Take the steps, say what happens, and count the answers that were not the expected ones."""
    unexpected = 0
    for number, step in enumerate(steps, start=1):
        headers = {} if step.token is None else {"Authorization": f"Bearer {step.token}"}
        request = Request(base_url + step.path, headers)
        answer = request.send()
        write(f"{number}. {step.title}\n")
        write(f"   $ {request}\n\n{indented(answer)}\n")
        if (answer.status, answer.reason) != (step.status, step.reason):
            unexpected += 1
            expected = f"{step.status} {step.reason or ''}".strip()
            write(f"   NOT AS EXPECTED: it should have been {expected}.\n")
    return unexpected
