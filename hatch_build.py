"""hatchling's hook: the wheel and the sdist carry the browser's assets, and an editable install has them too."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        spec = importlib.util.spec_from_file_location("assets_build", Path(self.root) / "renderer" / "build.py")
        assert spec is not None
        assert spec.loader is not None
        assets = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(assets)
        try:
            built = assets.build()
        except assets.BuildFailed as failed:
            raise SystemExit(f"assets: {failed}") from None
        self.app.display_info(f"assets: first page {assets.first_page_bytes(built):,} bytes gzipped")
