"""Write docs/settings.md from the fields of `Settings`: `python tools/settings_page.py`."""

from __future__ import annotations

from pathlib import Path

from opensonic.settings import PRESETS, Option, describe

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"


def page() -> str:
    """Render the page in Markdown."""
    rows = "\n".join(_row(option) for option in describe())
    presets = "\n".join(
        f"| `{name}` | {', '.join(f'`{key}` {value}' for key, value in bundle.items())} |"
        for name, bundle in PRESETS.items()
    )
    return (
        "# Settings\n\n"
        "Each is a flag of `opensonic animate` (`--min-resolution 768`) and a keyword of\n"
        "`opensonic.animate` (`min_resolution=768`). A value outside the accepted range is an\n"
        "error; one outside the advice is taken, with a warning that says why.\n\n"
        "This page is made from the code by `python tools/settings_page.py`.\n\n"
        "| setting | meaning | default | accepted | advice |\n|---|---|---|---|---|\n"
        f"{rows}\n\n## Presets\n\nWhat you set by hand wins over the preset.\n\n"
        f"| preset | sets |\n|---|---|\n{presets}\n"
    )


def _row(option: Option) -> str:
    accepted = ", ".join(f"`{w}`" for w in option.choices or ()) or str(option.range or "")
    if option.kind is bool:
        accepted = "on, off"
    default = "" if option.default is None else str(option.default)
    default = {"True": "on", "False": "off"}.get(default, default)
    advice = f"{option.advice.low:g} to {option.advice.high:g}" if option.advice else ""
    meaning = f"{option.help} ({option.only} engine only)" if option.only else option.help
    return f"| `{option.name}` | {meaning} | {default} | {accepted} | {advice} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
