"""The inspector: what the engine sees in a portrait, how well it suits, and what would help."""
