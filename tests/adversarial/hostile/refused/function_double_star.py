# refused: CP015
"""Any keywords: a dict."""

def f(**rest):
    return rest
