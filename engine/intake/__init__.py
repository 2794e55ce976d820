"""Other people's files → typed rows. Pure reading: no database, nobody's rights; every problem is told at its row."""

from engine.intake.reading import MOST_ROWS, Document, Line, Reading, Wrong, read_content, read_file

__all__ = ["MOST_ROWS", "Document", "Line", "Reading", "Wrong", "read_content", "read_file"]
