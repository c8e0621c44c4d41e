"""Requests over HTTP to one server, from a process of its own, on several connections at once.

``python -m benchmarks.peers.load PORT SECONDS`` reads a list in JSON, the values of ``Authorization``, from
standard input, and writes how many answers there were by status, and how long it took. It parses no more of
an answer than it must, so that the server has the machine.
"""

import json
import random
import socket
import sys
from collections import Counter
from threading import Thread
from time import perf_counter

CONNECTIONS = 4


def main() -> None:
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests = [_request(header) for header in json.load(sys.stdin)]
    counted: list[Counter[str]] = [Counter() for _ in range(CONNECTIONS)]
    start = perf_counter()
    threads = [Thread(target=_ask, args=(port, requests, start + seconds, counter)) for counter in counted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total: Counter[str] = sum(counted, Counter())
    print(json.dumps({"seconds": perf_counter() - start, "answers": total}))


def _request(header: str) -> bytes:
    line = f"Authorization: {header}\r\n" if header else ""
    return f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}Connection: close\r\n\r\n".encode()


def _ask(port: int, requests: list[bytes], end: float, counter: Counter[str]) -> None:
    choose = random.Random(port).choice  # noqa: S311
    while perf_counter() < end:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(choose(requests))
            answer = b""
            while part := connection.recv(4096):
                answer += part
        counter[answer[9:12].decode()] += 1


if __name__ == "__main__":
    main()
