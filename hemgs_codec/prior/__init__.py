"""What every scene has in common, learnt ahead: a corpus of scenes, and variations of them to learn from."""
