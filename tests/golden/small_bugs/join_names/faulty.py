def join_names(names):
    """All names in one string, separated by a comma and a space."""
    return " ".join(names)
