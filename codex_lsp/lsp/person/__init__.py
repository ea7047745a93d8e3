"""What the person is shown and asked: sign-in, approvals, pages, progress, and the words for it."""
