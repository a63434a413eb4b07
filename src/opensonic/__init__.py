"""One portrait and one recording of speech become a talking video, on a CPU."""
