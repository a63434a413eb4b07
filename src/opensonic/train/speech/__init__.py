"""Training of the speech network: synthetic corpus, targets, network, fine-tuning, evaluation.

`python -m opensonic.train.speech --help` lists the steps; docs/training-speech.md tells the story.
"""
