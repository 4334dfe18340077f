"""Ways in: reading reports from elsewhere, completing them, sending them to `reports.raw`."""
