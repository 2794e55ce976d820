"""The load client: keep-alive HTTP/1.1 on raw asyncio protocols, in a process of its own, prepared bytes only.

As a library, ``measure()`` starts that process; ``python -m benchmarks.load`` is the process: a job as JSON on
standard input, its result as JSON on standard output.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import cast


@dataclass(frozen=True, slots=True)
class Result:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int] = field(default_factory=dict)
    sample: str = ""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        return sum(n for status, n in self.statuses.items() if not status.startswith("2"))


def request(method: str, path: str, headers: dict[str, str], body: object = None) -> str:
    """One request as the text that goes over the wire."""
    content = "" if body is None else json.dumps(body, ensure_ascii=True)
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{k}: {v}" for k, v in headers.items())]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + content


def measure(port: int, requests: list[str], seconds: float, connections: int = 16, start: int = 0) -> Result:
    """Runs the requests round and round, from number ``start``, for ``seconds``."""
    job = {"port": port, "requests": requests, "seconds": seconds, "connections": connections, "start": start}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return Result(**json.loads(done.stdout))


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is whole."""

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self.send()

    def send(self) -> None:
        now = time.perf_counter()
        if now >= self.job.until:
            self.transport.close()
            return
        self.began = now
        self.transport.write(self.job.requests[next(self.job.numbers) % len(self.job.requests)])

    def data_received(self, data: bytes) -> None:
        self.buffer = buffer = self.buffer + data if self.buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = buffer[:head].lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(buffer) < head + 4 + length:
            return
        if b"transfer-encoding: chunked" in lower and not buffer.endswith(b"\r\n0\r\n\r\n"):
            return
        self.job.times.append(time.perf_counter() - self.began)
        status = buffer[9:12].decode()
        self.job.statuses[status] += 1
        if status[0] != "2" or not self.job.sample:
            self.job.sample = buffer[head + 4 : head + 1_500].decode("utf-8", "replace")
        self.buffer = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.buffer or (exc is not None):
            self.job.statuses["lost"] += 1
        if not self.done.done():
            self.done.set_result(None)


class _Job:
    def __init__(self, requests: list[str], seconds: float, start: int) -> None:
        self.requests = [r.encode() for r in requests]
        self.until = time.perf_counter() + seconds
        self.numbers = count(start)
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.sample = ""


async def _drive(port: int, requests: list[str], seconds: float, connections: int, start: int) -> Result:
    loop = asyncio.get_running_loop()
    job = _Job(requests, seconds, start)
    began = time.perf_counter()
    clients = [(await loop.create_connection(lambda: _Client(job), "127.0.0.1", port))[1] for _ in range(connections)]
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - began
    times = sorted(job.times) or [0.0]
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    return Result(len(job.times), took, statistics.median(times) * 1e3, p99 * 1e3, dict(job.statuses), job.sample)


if __name__ == "__main__":
    import uvloop

    json.dump(asdict(uvloop.run(_drive(**json.load(sys.stdin)))), sys.stdout)
