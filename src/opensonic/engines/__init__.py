"""Engines: whatever turns a portrait and speech, or motion, into frames."""
