"""Words people see, in the languages the product speaks. A leaf: imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Label:
    """A text in Chinese and English; where one was not written, the other stands in for it."""

    zh: str = ""
    en: str = ""

    def to(self, language: str) -> str:
        return (self.zh or self.en) if language.startswith("zh") else (self.en or self.zh)

    def __str__(self) -> str:
        """In English: what stands in the sentence of a problem until its reader is known."""
        return self.to("en")
