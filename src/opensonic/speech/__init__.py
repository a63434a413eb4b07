"""Speech to motion: log-mel, speech network, articulation, prosody."""

from __future__ import annotations

from opensonic.speech.hearing import Heard, hear

__all__ = ["Heard", "hear"]
