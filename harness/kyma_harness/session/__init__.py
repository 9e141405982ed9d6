"""One cluster with a module in it, from what is asked for to what dead runs have left."""
