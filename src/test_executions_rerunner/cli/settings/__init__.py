"""Settings: their spellings, from texts to values."""
