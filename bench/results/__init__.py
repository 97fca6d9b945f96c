"""What a run left: rows and how they are stored, summarised and merged."""
