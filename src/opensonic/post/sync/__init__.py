"""The lag between lips and sound of any talking video.

`lips` reduces tracked faces to small curves, `heard` does the same with the sound, `match` says how
well they fit at every lag, `certainty` how likely that makes the best lag, `lag` whether it drifts.
"""
