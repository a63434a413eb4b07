"""Exceptions that OpenSonic raises on purpose, and the exit code that each gives the command line.

OpenSonicError
├── InputError          2  the portrait, the sound or a setting cannot be used
│   ├── NoFaceError     2  no usable face in the portrait
│   └── SettingsError   2  a setting is unknown or outside its range
├── WeightsError        3  a weight file is missing, damaged or of another network
└── EncodeError         4  the result could not be written

Every message says what was found, what was expected and what to do, on one line.
"""

from __future__ import annotations


class OpenSonicError(Exception):
    """Base of every error that OpenSonic raises on purpose."""

    exit_code = 1


class InputError(OpenSonicError, ValueError):
    """The portrait, the sound or a setting cannot be used."""

    exit_code = 2


class NoFaceError(InputError):
    """No usable face was found in the portrait."""


class SettingsError(InputError):
    """A setting is unknown or its value is outside the accepted range."""


class WeightsError(OpenSonicError):
    """A weight file is missing, damaged or of another network."""

    exit_code = 3


class EncodeError(OpenSonicError):
    """The video could not be encoded or written."""

    exit_code = 4
