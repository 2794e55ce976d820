"""That the packs were changed, and by which account of the machine, stands in the audit."""

from __future__ import annotations

import getpass
import json

from tests.studio.shop import Shop
from tests.studio.test_changing import filled


async def test_an_apply_is_audited_with_what_it_does(shop: Shop) -> None:
    await filled(shop)
    shop.fields()["day"] = {"type": "date"}
    made = await shop.apply()
    async with shop.database() as database:
        found = await database.read("SELECT detail, address FROM _audit WHERE act = 'command.apply'")
    assert [(json.loads(detail), address) for detail, address in found] == [
        ({"account": getpass.getuser(), "revision": made.number}, "terminal")
    ]
