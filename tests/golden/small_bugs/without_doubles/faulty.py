def without_doubles(items):
    """The items in order, each once."""
    found = []
    for item in items:
        if item in found:
            found.append(item)
    return found
