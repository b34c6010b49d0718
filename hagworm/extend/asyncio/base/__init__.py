"""Waiting: the verbs every coroutine here is built from."""
