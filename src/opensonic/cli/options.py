"""Command-line options made from the fields of `Settings`: no default or range stands here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from opensonic.settings import Option, describe

_METAVARS = {"bool": "", "int": "N", "float": "X", "Fraction": "X", "str": "TEXT"}


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per setting; it receives those that were set as `**chosen`.

    The command takes its own parameters and `**chosen`, text or bool by setting name.

    Args:
        *names: The settings; all where none is named.
    """
    options = [option for option in describe() if not names or option.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        derived = [_parameter(option) for option in options]

        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - any option's type
            chosen = {option.name: given.pop(option.name, None) for option in options}
            command(**given, **{name: value for name, value in chosen.items() if value is not None})

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *derived)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameter(option: Option) -> inspect.Parameter:
    flag = "--" + option.name.replace("_", "-")
    kind: Any = bool if option.kind is bool else str
    names = [f"{flag}/--no-{flag[2:]}"] if option.kind is bool else [flag]
    annotation = Annotated[
        kind | None,
        typer.Option(
            *names,
            help=_help(option),
            metavar=_metavar(option),
            show_default=False,
            rich_help_panel="Settings",
        ),
    ]
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _metavar(option: Option) -> str:
    return "NAME" if option.choices else _METAVARS[option.kind.__name__]


def _help(option: Option) -> str:
    facts = []
    if option.choices:
        facts.append(", ".join(option.choices))
    if option.range:
        facts.append(str(option.range))
    if option.advice:
        facts.append(f"best {option.advice.low:g} to {option.advice.high:g}")
    if option.default is not None and option.kind is not bool:
        facts.append(f"default {option.default}")
    if option.only:
        facts.append(f"{option.only} engine only")
    text = option.help[0].upper() + option.help[1:] + "."
    return f"{text} ({'; '.join(facts)})" if facts else text
