"""What errors in a scene's values cost: guessed from the values, or measured in renders."""
