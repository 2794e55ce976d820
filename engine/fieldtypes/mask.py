"""How a text is told in part: its first and last letters around a fixed number of stars."""

from __future__ import annotations

from dataclasses import dataclass

STARS = "****"
"""Always four, so that a masked value does not say how long the whole is."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Shows ``first`` and ``last`` letters of what is longer than both together; of anything shorter, nothing."""

    first: int = 0
    last: int = 4

    def of(self, text: str) -> str:
        if len(text) <= self.first + self.last:
            return STARS
        return f"{text[: self.first]}{STARS}{text[len(text) - self.last :]}"

    def sql(self, text: str) -> str:
        """The same in both dialects: NULL stays NULL, text without enough letters is stars."""
        parts = [f"SUBSTR({text}, 1, {self.first})"] if self.first else []
        parts.append(f"'{STARS}'")
        if self.last:
            parts.append(f"SUBSTR({text}, LENGTH({text}) - {self.last - 1})")
        told = " || ".join(parts)
        enough = f"LENGTH({text}) > {self.first + self.last}"
        return f"CASE WHEN {enough} THEN {told} WHEN {text} IS NOT NULL THEN '{STARS}' END"
