"""The shape of packs as written: nouns whose keys say slot and meaning, read from a tree with marks."""
