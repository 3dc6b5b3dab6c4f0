# refused: CP015
"""Any number of arguments."""

def f(*rest):
    return rest
