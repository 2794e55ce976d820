"""The contractor example as people start it: the command in a process of its own, its demo data, its logins."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_LOGIN = re.compile(r"^\s+(\w+) / (\S+)")


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    passwords: dict[str, str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def site(folder: Path, target: Path = ROOT / "examples" / "contractor", demo: bool = True) -> Iterator[Site]:
    """``dougong serve TARGET --demo`` on a fresh SQLite file in ``folder``."""
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", str(target), *(["--demo"] if demo else [])]
    command += ["--port", str(port), "--admin-password", "admin-of-tests"]
    server = subprocess.Popen(
        [*command, "--database", f"sqlite:///{folder / 'site.db'}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield Site(f"http://127.0.0.1:{port}", _logins(server))
    finally:
        server.terminate()
        server.wait(20)
        if server.stdout:
            server.stdout.close()


def _logins(server: subprocess.Popen[str]) -> dict[str, str]:
    """What the command prints until it serves."""
    told: Queue[str | None] = Queue()

    def listen() -> None:
        assert server.stdout
        for line in server.stdout:
            told.put(line)
        told.put(None)

    threading.Thread(target=listen, daemon=True).start()
    passwords, said = {"admin": "admin-of-tests"}, []
    while True:
        try:
            line = told.get(timeout=180)
        except Empty:
            raise RuntimeError("the example did not start in 180 s:\n" + "".join(said)) from None
        if line is None:
            raise RuntimeError("the example did not start:\n" + "".join(said))
        said.append(line)
        if found := _LOGIN.match(line):
            passwords[found[1]] = found[2]
        if "Ctrl+C" in line:
            return passwords


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, speaking Chinese so that dates look as our users see them."""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=zh-CN"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=options, env={**os.environ, "LANGUAGE": "zh_CN", "LANG": "zh_CN.UTF-8"}
        )
        yield browser
        browser.close()


def visitor(browser: Browser, width: int = 1280, dark: bool = False) -> BrowserContext:
    height = 844 if width < 600 else 800
    return browser.new_context(
        viewport={"width": width, "height": height},
        has_touch=width < 600,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )


def sign_in(context: BrowserContext, at: Site, name: str) -> Page:
    page = context.new_page()
    page.goto(f"{at.url}/login")
    page.fill("#name", name)
    page.fill("#password", at.passwords[name])
    page.locator("form[action='/login'] button").click()
    page.wait_for_url(f"{at.url}/")
    return page
