"""All that can be measured here: `python -m benchmarks.sonic`.

What takes much room or time is apart: `python -m benchmarks.sonic.load_memory`, and
`python -m benchmarks.sonic.gpu --compile`.
"""

from __future__ import annotations

from benchmarks.sonic import formulations, gpu, lengths, speeds


def main() -> None:
    """Run the measurements one after another."""
    for title, run in (
        ("Both formulations, side by side", formulations.main),
        ("Memory and the length of the video", lengths.main),
        ("Shortcuts", speeds.main),
        ("On a GPU", gpu.main),
    ):
        print(f"\n{title}", flush=True)
        run()


if __name__ == "__main__":
    main()
