"""The HEMGS entropy model: one description, evaluated in floats to fit it and in integers to code."""
