def count_vowels(word):
    """How many vowels a word has."""
    return sum(letter in "aeio" for letter in word)
