"""What packs bring to be played: scenarios, stories and demo data, through the product's own front door."""
