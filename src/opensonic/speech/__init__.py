"""Speech to motion: log-mel, speech network, articulation, prosody."""

from __future__ import annotations

from opensonic.speech.hearing import Heard, hear
from opensonic.speech.live import LiveEar

__all__ = ["Heard", "LiveEar", "hear"]
