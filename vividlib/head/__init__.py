"""The morphable head: the default one, and others behind the same `vividlib.types.HeadModel`."""
