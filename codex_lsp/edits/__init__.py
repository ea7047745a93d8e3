"""Pure text: patches, hunks, edits, diffs and rebasing. No files, no event loop."""
