"""A service's key is rotated, by an operator's commands, while the service goes on asking."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from types import TracebackType
from typing import Self

from testproject.accounts.models import User
from testproject.demo.requests import Answer, Request
from testproject.demo.steps import PATIENCE, UnexpectedError, manage, show

SERVICE = "metering"

# How many requests are answered before the next step is taken.
BETWEEN_STEPS = 50


class Client:
    """The service: asks without a pause, with the key it has been given, as long as the block runs."""

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self.sent: Counter[str] = Counter()
        self.failed: list[str] = []
        self.latest: Answer | None = None
        self.url = url
        self._changed = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="demo-client", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_stopped = True
        self._thread.join()

    def go_on(self) -> Answer:
        """Wait until more requests were answered with the key; the latest answer.

        :raises UnexpectedError: a request failed, or there is no answer any more.
        """
        with self._changed:
            # One more: the next answer may be of a request that began before this moment.
            enough = self.sent[self.key] + BETWEEN_STEPS + 1
            self._changed.wait_for(lambda: self.failed or self.sent[self.key] >= enough, PATIENCE)
            if self.failed:
                raise UnexpectedError(self.failed[0])
            if self.latest is None or self.sent[self.key] < enough:
                raise UnexpectedError("the service got stuck.")
            return self.latest

    def _run(self) -> None:
        while not self._is_stopped:
            key, answer = self.key, None
            try:
                answer = Request(self.url, {"X-API-Key": key}).send()
                failure = "" if answer.status == 200 else f"{answer.status} {answer.reason or ''}".strip()
            except (OSError, HTTPException) as error:
                failure = repr(error)
            with self._changed:
                self.latest = answer
                self.sent[key] += 1
                if failure:
                    self.failed.append(f"a request of the service failed: {failure}.")
                self._changed.notify_all()


def rotate_under_load(url: str, organization: str, write: Callable[[str], object]) -> int:
    """Take the four steps of a rotation, say what happens, and count what was not as expected."""
    service = _service(organization)
    write("A service's key is rotated under load\n")
    key = manage(
        f"createtoken --service {SERVICE} 'Demo: rotated' --scope read:sites"
        f" --kind api_key --environment live --organization {organization} --expires 1d",
        write,
    )
    write(f"   From now on the service asks for {url}, without a pause. None of its requests may fail.\n")
    unexpected = 0
    with Client(url, key) as client:
        try:
            _rotate(client, service, write)
        except UnexpectedError as error:
            unexpected = 1
            write(f"   NOT AS EXPECTED: {error}\n")
    count = client.sent.total()
    write(
        f"The service has sent {count} requests: {client.sent[key]} with the old key, "
        f"{count - client.sent[key]} with the new one. {len(client.failed)} failed.\n"
    )
    # One that failed after the last step was looked at by nobody.
    return max(unexpected, len(client.failed))


def _rotate(client: Client, service: User, write: Callable[[str], object]) -> None:
    old = service.get_access_token(client.key)
    if old is None or "Sunset" in client.go_on().headers:
        raise UnexpectedError("its key is none, or has been rotated before.")
    retired = Request(client.url, {"X-API-Key": client.key})

    write("1. The operator makes the new key; the old one lives on for an hour.\n")
    new = manage(f"rotatetoken {old.pk} --overlap 1h", write)
    if "Sunset" not in client.go_on().headers:
        raise UnexpectedError("the service is not told of the rotation.")
    write("   Answers to the old one now tell since when (in seconds since 1970), and when it ends:\n")
    show(replace(retired, method="HEAD"), write)

    write("2. The service is given the new key, and goes on with it. Its answers are the usual ones again:\n")
    client.key = new
    if "Sunset" in client.go_on().headers:
        raise UnexpectedError("the new key has been rotated as well.")
    show(Request(client.url, {"X-API-Key": new}, method="HEAD"), write)

    write("3. The operator sees that the new key is used; when, is noted at most once a minute.\n")
    _wait_for_use(service, new)
    manage(f"listtokens --family {old.family}", write)

    write("4. The operator ends the old one. Whoever still has it is refused:\n")
    manage(f"revoketokens {old.pk} --reason rotated", write)
    if show(retired, write).reason != "revoked":
        raise UnexpectedError("it should have been 401 revoked.")
    client.go_on()


def _service(organization: str) -> User:
    service, is_new = User.objects.get_or_create(username=SERVICE, defaults={"organization": organization})
    if is_new:
        service.set_unusable_password()
        service.save()
    return service


def _wait_for_use(service: User, key: str) -> None:
    """Wait until the use of ``key`` is noted, which it is after the answer.

    :raises UnexpectedError: it is not.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        token = service.get_access_token(key)
        if token is not None and token.last_used_at is not None:
            return
        time.sleep(0.05)
    raise UnexpectedError("the use of the new key is not noted.")
