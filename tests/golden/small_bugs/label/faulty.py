def label(name, count):
    """A name and a count, like 'apples: 3'."""
    return name + ": " + count
