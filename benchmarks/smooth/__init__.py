"""Jumps planted in videos: how many are found, what mending gains, and what it costs."""
