"""Training of scenes from photos: data sets as the field lays them out, and where training starts."""
