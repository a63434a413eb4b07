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
from opensonic.metrics.evaluate import evaluate
from opensonic.metrics.evaluation import Evaluation
from opensonic.motion.exchange import read_motion
from opensonic.motion.writer import write_motion
from opensonic.settings import Settings
from opensonic.values import Chunk, Face, Motion, Performance, Portrait, Speech
from opensonic.video import Saved, Video

__all__ = [
    "Chunk",
    "EncodeError",
    "Evaluation",
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
    "evaluate",
    "hear_motion",
    "inspect_portrait",
    "read_motion",
    "write_motion",
]
