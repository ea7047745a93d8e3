def minutes(seconds):
    """How many whole minutes are in a number of seconds."""
    return seconds * 60
