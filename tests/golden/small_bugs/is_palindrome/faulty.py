def is_palindrome(text):
    """Whether a text reads the same from both ends."""
    return text == text[1:]
