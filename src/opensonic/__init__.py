"""One portrait and one recording of speech become a talking video, on a CPU.

>>> import opensonic
>>> opensonic.animate("portrait.jpg", "speech.mp3").save("talk.mp4")  # doctest: +SKIP
"""

from opensonic.api import Saved, Video, animate
from opensonic.errors import (
    EncodeError,
    InputError,
    NoFaceError,
    OpenSonicError,
    SettingsError,
    WeightsError,
)
from opensonic.settings import Settings
from opensonic.values import Chunk, Face, Motion, Portrait, Speech

__all__ = [
    "Chunk",
    "EncodeError",
    "Face",
    "InputError",
    "Motion",
    "NoFaceError",
    "OpenSonicError",
    "Portrait",
    "Saved",
    "Settings",
    "SettingsError",
    "Speech",
    "Video",
    "WeightsError",
    "animate",
]
