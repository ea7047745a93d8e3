def last_word(text):
    """The last word of a text."""
    return text.split()[0]
