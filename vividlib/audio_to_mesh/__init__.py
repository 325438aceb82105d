"""Stage one: a voice to the motion of a face."""
