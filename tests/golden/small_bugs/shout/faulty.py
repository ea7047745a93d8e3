def shout(text):
    """The text in capital letters, with an exclamation mark."""
    return text.uppercase() + "!"
