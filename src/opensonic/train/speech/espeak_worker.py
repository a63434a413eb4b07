"""A process that speaks: it loads the espeak-ng library and answers requests on its standard input.

espeak-ng is GPL-3 software. It is loaded by this worker only, which the corpus generator starts as
a process of its own and which needs nothing of this package. Per request, one line of
JSON `{"voice", "text", "rate", "pitch", "range"}`; per answer, one line of JSON `{"sample_rate",
"n_samples", "phones": [[first sample, IPA]...]}` and then the samples as little-endian int16.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS_IN_IPA = 3
_EVENT_PHONEME = 7
_CHARS_UTF8 = 1
_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE = 1, 3, 4


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library with its call-back; one utterance at a time."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 200, None, _PHONEME_EVENTS_IN_IPA
        )
        self._sound = bytearray()
        self._phones: list[tuple[int, str]] = []
        self._callback = _Callback(self._collect)  # kept, or the library calls freed memory
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: int, n_samples: int, events: ctypes.Array[_Event]) -> int:
        if wave and n_samples > 0:
            self._sound += ctypes.string_at(wave, 2 * n_samples)
        place = 0
        while events[place].type != 0:
            if events[place].type == _EVENT_PHONEME:
                raw = ctypes.string_at(ctypes.addressof(events[place].id), 8).split(b"\0")[0]
                self._phones.append((events[place].sample, raw.decode("utf-8", "ignore")))
            place += 1
        return 0

    def say(self, request: dict[str, Any]) -> tuple[bytes, list[tuple[int, str]]]:
        """Speak one text; gives the sound as int16 and each phone with its first sample."""
        self._sound.clear()
        self._phones.clear()
        if self._library.espeak_SetVoiceByName(request["voice"].encode()) == 0:
            settings = ((_PARAMETER_RATE, "rate"), (_PARAMETER_PITCH, "pitch"))
            for parameter, name in (*settings, (_PARAMETER_RANGE, "range")):
                self._library.espeak_SetParameter(parameter, int(request[name]), 0)
            text = request["text"].encode()
            self._library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        return bytes(self._sound), list(self._phones)


def serve() -> None:
    """Answer requests until the input ends."""
    espeak = Espeak()
    for line in sys.stdin:
        sound, phones = espeak.say(json.loads(line))
        head = {
            "sample_rate": espeak.sample_rate,
            "n_samples": len(sound) // 2,
            "phones": phones,
        }
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + sound)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
