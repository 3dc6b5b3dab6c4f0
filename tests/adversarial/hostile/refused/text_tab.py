# refused: CP001
"""A tab, which counts as eight columns here and as one there."""

def f(a):
	if a:
		return 1
	return 2
