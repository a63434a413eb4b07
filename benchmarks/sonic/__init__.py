"""What the Sonic model costs: memory to load it, time of both formulations, work at full size."""
