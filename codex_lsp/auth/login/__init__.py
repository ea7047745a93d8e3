"""Ways to sign in and out. A flow gives back what it got; storing it is the caller's affair.

`browser`, `device` and `api_key` are the ways in, `revoke` is the authority's part of the way out.
Whatever waits for a person is a callable, so that the command line and the editor share a flow.
"""
