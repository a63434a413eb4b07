"""Media in and out: any sound, any picture, the video file and its mark."""
