"""The walk that encoder and decoder share, and the files they make of it."""
