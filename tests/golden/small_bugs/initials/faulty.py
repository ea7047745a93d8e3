def initials(name):
    """The first letters of the parts of a name, in upper case."""
    letters = ""
    for part in name.split():
        letters += part[-1].upper()
    return letters
