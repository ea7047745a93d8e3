"""The text that the person sees: its mirror, edits and their proof, and the review of changes."""
