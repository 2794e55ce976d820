"""Screenshots of the contractor example as its people see it: ``python -m tests.pages.shots [folder]``.

Each page at 1280 and 390 px, in Chinese and in English, the dashboards in dark too. Says what overflows sideways.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.site import CHROMIUM, Site, chromium, sign_in, site, visitor

WIDTHS = (1280, 390)
LANGUAGES = ("zh", "en")
STOPS: tuple[tuple[str, str, str], ...] = (
    ("foreman-home", "wang", "/"),
    ("foreman-new", "wang", "/r/day_labor/sheet/new"),
    ("foreman-sheets", "wang", "/m/day_labor/sheet"),
    ("manager-home", "li", "/"),
    ("manager-sheets", "li", "/m/day_labor/sheet"),
    ("manager-filtered", "li", "/m/day_labor/sheet?state=in_approval&liability=own"),
    ("manager-decides", "li", "first:/"),
    ("manager-sheet", "li", "first:/m/day_labor/sheet?state=effective"),
    ("manager-labour", "li", "/d/day_labor/overview?month=2026-03"),
    ("cost-overview", "li", "/d/cost_center/overview"),
    ("cost-entries", "sun", "/m/cost_center/cost_entry"),
    ("cost-budget", "sun", "first:/m/cost_center/budget"),
    ("project", "admin", "first:/m/base/project"),
    ("project-new", "admin", "/r/base/project/new"),
    ("empty", "zheng", "/m/day_labor/sheet?q=nothing-is-called-this"),
    ("missing", "li", "/r/day_labor/sheet/00000000-0000-7000-8000-000000000000"),
)
DARK = frozenset({"manager-labour", "manager-sheets", "foreman-new"})


def go(page: Page, at: Site, place: str) -> None:
    """``first:`` opens the first record of a list, or the first task at home."""
    page.goto(at.url + place.removeprefix("first:"))
    if place.startswith("first:"):
        first = page.locator(".tasks a, table.rows tbody a").first
        if first.count():
            page.goto(at.url + (first.get_attribute("href") or ""))
    page.wait_for_timeout(700)  # charts are drawn, previews have answered


def take(folder: Path) -> int:
    """The number of pages that are wider than their screen."""
    wide = 0
    with tempfile.TemporaryDirectory() as data, site(Path(data)) as at, chromium() as browser:
        for who in dict.fromkeys(user for _, user, _ in STOPS):
            for width in WIDTHS:
                for look in ("light", "dark"):
                    context = visitor(browser, width, look == "dark")
                    page = sign_in(context, at, who)
                    for language in LANGUAGES if look == "light" else ("zh",):
                        context.add_cookies([{"name": "language", "value": language, "url": at.url}])
                        for name, user, place in STOPS:
                            if user != who or (look == "dark" and name not in DARK):
                                continue
                            go(page, at, place)
                            sideways = page.evaluate("document.documentElement.scrollWidth")
                            file = folder / f"{name}-{width}-{language}{'-dark' if look == 'dark' else ''}.png"
                            page.screenshot(path=file, full_page=True)
                            sys.stdout.write(f"{file.name}{f'  is {sideways} wide' if sideways > width else ''}\n")
                            wide += sideways > width
                    context.close()
    return wide


def main(arguments: list[str]) -> int:
    if CHROMIUM is None:
        sys.stderr.write("shots: no Chromium here (on Debian: apt-get install chromium fonts-noto-cjk)\n")
        return 1
    folder = Path(arguments[0] if arguments else "shots")
    folder.mkdir(parents=True, exist_ok=True)
    return 1 if take(folder) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
