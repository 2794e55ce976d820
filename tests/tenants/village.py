"""A directory of tenants on a real database, and a server that serves them, asked by host name."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from engine.serve import asgi
from engine.serve.server.reception import Lodgers
from engine.studio.directory import tenanting
from engine.studio.directory.housing import Limits, Lodging
from engine.studio.directory.tenanting import Wanted
from engine.studio.tenant.directories import directory_at
from engine.tenants.directory import Directory

WORKS = Path(__file__).resolve().parents[1] / "serve" / "works.yaml"
PASSWORD = "correct horse battery"


def works(folder: Path) -> Path:
    made = folder / "works"
    made.mkdir(exist_ok=True)
    shutil.copy(WORKS, made / "module.yaml")
    return made


@dataclass
class Village:
    folder: Path
    home: str
    directory: Directory
    house: Lodging
    doors: list[httpx.AsyncClient] = field(default_factory=list)

    async def make(self, name: str, *hosts: str, **more: Any) -> list[str]:
        wanted = Wanted(name, works(self.folder), hosts=hosts or (f"{name}.example",), password=PASSWORD, **more)
        _, said = await tenanting.create(self.directory, self.home, wanted)
        await self.house.look()
        return said

    def door(self, host: str, **headers: str) -> httpx.AsyncClient:
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=asgi(Lodgers(), house=self.house), raise_app_exceptions=False),
            base_url=f"http://{host}",
            headers={"accept-language": "en", **headers},
        )
        self.doors.append(made)
        return made

    async def admin(self, host: str, prefix: str = "") -> httpx.AsyncClient:
        door = self.door(host)
        answer = await door.post(f"{prefix}/api/v1/login", json={"name": "admin", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        door.headers["authorization"] = f"Bearer {answer.json()['token']}"
        return door

    def another(self, **limits: Any) -> Lodging:
        """A second process."""
        return Lodging(self.directory, Limits(**limits), str(uuid4()))


@asynccontextmanager
async def village(folder: Path, postgres: str = "", **limits: Any) -> AsyncIterator[Village]:
    """``postgres``: the URL of a database for all of them; without it files."""
    home = f"{postgres}?schema=directory" if postgres else f"sqlite://{folder}/directory.db"
    async with directory_at(home) as directory:
        house = Lodging(directory, Limits(**limits), str(uuid4()))
        await house.start()
        made = Village(folder, home, directory, house)
        try:
            yield made
        finally:
            for door in made.doors:
                await door.aclose()
            await house.stop()


def codes(answer: httpx.Response) -> list[str]:
    return [one["code"] for one in answer.json()["errors"]]
