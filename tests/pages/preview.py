"""Shows every page from sample plans, without a database: ``python -m tests.pages.preview [port]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from engine.plan.viewer import ListView, Said, Viewer
from renderer import pages
from renderer.environment import ASSETS
from tests.pages import sample

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES: dict[str, Callable[[Viewer], str]] = {
    "login": lambda v: pages.login(sample.APP, replace(v, user_id="", name=""), (), "foreman"),
    "refused-login": lambda v: pages.login(
        sample.APP, replace(v, user_id="", name=""), (Said("auth.refused", "用户名或密码不对"),), "foreman"
    ),
    "home": lambda v: pages.home(sample.APP, v, sample.TASKS),
    "list": lambda v: pages.list_page(sample.APP, v, sample.SHEETS, sample.LISTED),
    "empty": lambda v: pages.list_page(sample.APP, v, sample.SHEETS, ListView((), {}, total=0)),
    "new": lambda v: pages.record_page(sample.APP, v, sample.FORM, sample.NEW),
    "draft": lambda v: pages.record_page(sample.APP, v, sample.FORM, sample.DRAFT),
    "refused": lambda v: pages.record_page(sample.APP, v, sample.FORM, sample.REFUSED),
    "decide": lambda v: pages.record_page(sample.APP, v, sample.FORM, sample.TO_DECIDE),
    "effective": lambda v: pages.record_page(sample.APP, v, sample.FORM, sample.EFFECTIVE),
    "board": lambda v: pages.dashboard_page(sample.APP, v, sample.BOARD, sample.board()),
    "problem": lambda v: pages.problem_page(
        sample.APP, v, 404, "没有这一页", (Said("serve.not-found", "地址可能写错了，或者记录已被删除。"),)
    ),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name = address.path.strip("/")
        if name.startswith("assets/"):
            path = ASSETS / name.removeprefix("assets/")
            kind = {"js": "text/javascript", "css": "text/css"}.get(path.suffix[1:], "application/octet-stream")
            self.answer(path.read_bytes() if path.is_file() else b"", kind, 200 if path.is_file() else 404)
            return
        made = PAGES.get(name)
        if made is None:
            links = "".join(f'<li><a href="/{n}">{n}</a> <a href="/{n}?en">en</a>' for n in PAGES)
            self.answer(f"<ul>{links}</ul>".encode(), "text/html", 200 if not name else 404)
            return
        language = "en" if "en" in parse_qs(address.query, keep_blank_values=True) else "zh"
        self.answer(made(sample.viewer(language)).encode(), "text/html; charset=utf-8")

    def answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def serve(port: int = 0) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server = serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8099)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/\n")
    server.serve_forever()
