"""One portrait and one recording of speech become a talking video, on a CPU.

>>> import opensonic
>>> opensonic.animate("portrait.jpg", "speech.mp3").save("talk.mp4")  # doctest: +SKIP
"""

from opensonic.api import animate, hear_motion
from opensonic.errors import (
    EncodeError,
    InputError,
    NoFaceError,
    OpenSonicError,
    SettingsError,
    WeightsError,
)
from opensonic.inspector.inspection import Inspection, inspect_portrait
from opensonic.motion.exchange import read_motion
from opensonic.motion.writer import write_motion
from opensonic.settings import Settings
from opensonic.values import Chunk, Face, Motion, Performance, Portrait, Speech
from opensonic.video import Saved, Video

__all__ = [
    "Chunk",
    "EncodeError",
    "Face",
    "InputError",
    "Inspection",
    "Motion",
    "NoFaceError",
    "OpenSonicError",
    "Performance",
    "Portrait",
    "Saved",
    "Settings",
    "SettingsError",
    "Speech",
    "Video",
    "WeightsError",
    "animate",
    "hear_motion",
    "inspect_portrait",
    "read_motion",
    "write_motion",
]
