"""Jumps between frames found and mended: `stream` is the way in, the others are its parts."""
