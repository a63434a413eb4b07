"""The lag between lips and sound of any talking video.

`lips` reduces tracked faces to small curves, `heard` does the same with the sound, `lag` finds the
lag at which the two fit, and how sure that is.
"""
