"""The turn loop and its vocabulary; knows no editor protocol, no wire and no credentials."""
